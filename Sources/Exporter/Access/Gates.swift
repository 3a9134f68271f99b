internal import Concurrency
internal import Diagnostics

/// The gates of both listeners, and what those who push may write: what a reload changes while requests go on.
final class Gates: Sendable {
  let web: Gate
  let push: Gate
  private let rights: Lock<PushRights>

  /// - Errors: reason `thread`.
  init(_ rules: ListenerRules, _ settings: Settings) throws(Failure) {
    web = try Gate(rules.web)
    push = try Gate(rules.push)
    rights = Lock(PushRights(settings.inputs.webhook.writers, keys: rules.keys))
  }

  var pushRights: PushRights { rights.withLock { $0 } }

  /// Puts other rules in force, all or none, and answers whether anything is different.
  ///
  /// - Errors: reason `setting` for what only a restart can change; reason `thread`.
  func replace(_ rules: ListenerRules, _ settings: Settings) throws(Failures) -> Bool {
    let turned = [
      ("web.config_file", web, rules.web), ("inputs.webhook.config_file", push, rules.push),
    ].filter { $0.1.isTLS != ($0.2.context != nil) }
    guard turned.isEmpty else {
      throw Failures(
        turned.map {
          Failure(
            .setting, "a reload cannot turn TLS \($0.1.isTLS ? "off" : "on")",
            at: .setting(key: $0.0, file: nil, line: nil), remedy: "Restart, or take the change back")
        })
    }
    do throws(Failure) {
      let isWebNew = try web.replace(rules.web)
      let isPushNew = try push.replace(rules.push)
      let fresh = PushRights(settings.inputs.webhook.writers, keys: rules.keys)
      let areRightsNew = rights.withLock { rights in
        defer { rights = fresh }
        return rights != fresh
      }
      return isWebNew || isPushNew || areRightsNew
    } catch { throw Failures([error]) }
  }

  /// Call it once, when both servers have stopped.
  func stop() {
    web.stop()
    push.stop()
  }
}
