internal import Compression
internal import Counting
internal import Diagnostics
internal import Engine
internal import Metrics
internal import State

/// What is served of evidence: `/api/v1/evidence` for programs, `/evidence` for people. Who may see it is who may see the
/// page.
struct EvidenceRoutes: Sendable {
  static let apiPath = "/api/v1/evidence"
  static let pagePath = "/evidence"

  /// Asks for evidence; the answer comes on any thread.
  var ask: @Sendable (EvidenceQuery, @escaping EvidenceReader) -> Void
  var clock: Clock
  /// What every link begins with.
  var linkPrefix: String

  var all: [Route] { [api, page] }

  private var api: Route {
    Route(Self.apiPath) { [ask, clock] request, responder in
      do throws(EvidenceRequest.Fault) {
        let wanted = try EvidenceRequest(QueryString(request.query), now: clock.now)
        ask(wanted.query) { rows in
          guard let rows else { return _ = responder.answer(Self.unreadable) }
          responder.answer {
            HTTPResponse(
              200, headers: [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")],
              body: HTTPBody(Array(EvidenceJSON.text(rows).utf8)))
          }
        }
      } catch { responder.answer(.text(400, error.text)) }
    }
  }

  private var page: Route {
    Route(Self.pagePath) { [ask, clock, linkPrefix] request, responder in
      let encoding = Negotiation(accept: nil, acceptEncoding: request.header("accept-encoding")).encoding
      let show: @Sendable (Int, EvidencePage) -> HTTPResponse = { status, page in
        HTTPResponse(status, page: PackedPage { $0.feed(page.render()) }, encoding, hasForm: true)
      }
      do throws(EvidenceRequest.Fault) {
        let wanted = try EvidenceRequest(QueryString(request.query), now: clock.now)
        ask(wanted.query) { rows in
          guard let rows else { return _ = responder.answer(Self.unreadable) }
          responder.answer { show(200, EvidencePage(wanted, .rows(rows), now: clock.now, linkPrefix: linkPrefix)) }
        }
      } catch {
        let page = EvidencePage(EvidenceRequest(), .fault(error.text), now: clock.now, linkPrefix: linkPrefix)
        responder.answer(show(400, page))
      }
    }
  }

  private static let unreadable = HTTPResponse.unavailable(
    "The evidence cannot be read now: too many ask, or the state cannot be read.")
}
