import AuditEvents
import Testing

/// Every field of an event, by both scanners.
@Suite struct FieldTests {
  /// Both scanners' answer, required to be the same.
  private func one(_ sample: SampleEvent, _ location: SourceLocation = #_sourceLocation) throws -> Seen {
    let ordered = decode(sample.json + "\n")
    let any = decodeInAnyOrder(Array((sample.json + "\n").utf8))
    #expect(ordered.events == any.events, sourceLocation: location)
    #expect(ordered.summary == [1, 0, 0], sourceLocation: location)
    return try #require(ordered.events.first, sourceLocation: location)
  }

  @Test func wholeEvent() throws {
    let event = try one(SampleEvent())
    #expect(event.stage == .responseComplete)
    #expect(event.level == .metadata)
    #expect(event.verb == .get)
    #expect(event.code == 200)
    #expect(event.decision == .allow)
    #expect(!event.isImpersonationRefused && !event.isDryRun && !event.isSalvaged)
    #expect(event.origin == .kubernetes)
    #expect(event.user == "ann")
    #expect(event.sourceIPs == #""1.1.1.1","2.2.2.2""#)
    #expect(event.userAgent == "agent/1")
    #expect(event.auditID == "id-1")
    #expect(event.requestURI == #"/api/v1/namespaces/shop/secrets/db?limit=5\u0026watch=true"#)
    #expect([event.apiGroup, event.resource, event.namespace, event.name] == ["", "secrets", "shop", "db"])
    #expect(event.time == 1_767_600_001_500_000)
    #expect(event.impersonatedUser.isEmpty && event.cluster.isEmpty && event.subresource.isEmpty)
  }

  @Test(arguments: Verb.allCases)
  func verbs(_ verb: Verb) throws {
    let word = verb == .none ? "" : verb == .other ? "calebiscool" : verb.label.description
    #expect(try one(SampleEvent(verb: word)).verb == verb)
  }

  @Test(arguments: ["GET", "gets", "ge", "lisT", "deletecollectio"])
  func otherVerbs(_ word: String) throws { #expect(try one(SampleEvent(verb: word)).verb == .other) }

  @Test(arguments: Stage.allCases)
  func stages(_ stage: Stage) throws {
    let word = stage == .unknown ? "Response" : stage.label
    #expect(try one(SampleEvent(stage: word)).stage == stage)
  }

  @Test(arguments: Level.allCases)
  func levels(_ level: Level) throws {
    #expect(try one(SampleEvent(level: level == .unknown ? "None" : level.label)).level == level)
  }

  @Test(arguments: [
    ("200", 200), ("99", 0), ("100", 100), ("599", 599), ("600", 0), ("\"403\"", 403), ("\"4x3\"", 0), ("null", 0),
    ("200.0", 0), ("2e2", 0), ("-200", 0), ("true", 0), ("\"0200\"", 200), ("99999999999999999999", 0), ("\"\"", 0),
    ("[200]", 0), (#""2\u00300""#, 200),
  ])
  func codes(_ text: String, _ code: UInt16) throws {
    #expect(try one(SampleEvent(status: #","responseStatus":{"metadata":{},"code":\#(text)}"#)).code == code)
  }

  @Test(arguments: [
    (#""allow""#, Decision.allow), (#""forbid""#, .forbid), (#""deny""#, .other), (#""""#, .other), ("5", .absent),
    ("null", .absent), (#""f\u006frbid""#, .forbid),
  ])
  func decisions(_ value: String, _ decision: Decision) throws {
    let sample = SampleEvent(annotations: #","annotations":{"authorization.k8s.io/decision":\#(value)}"#)
    #expect(try one(sample).decision == decision)
  }

  @Test func absentParts() throws {
    let event = try one(SampleEvent(user: "{}", reference: "", status: "", annotations: ""))
    #expect(event.user.isEmpty && event.resource.isEmpty && event.code == 0 && event.decision == .absent)
  }

  @Test func lastOfDuplicateKeys() throws {
    let sample = SampleEvent(
      user: #"{"username":"first","username":"second"}"#,
      more: #","verb":"list","user":{"uid":"5"},"responseStatus":{"code":500}"#,
      status: #","responseStatus":{"code":404,"code":403},"objectRef":{"name":"n"}"#,
      annotations: #","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/decision":"forbid"}"#
    )
    let event = try one(sample)
    #expect(event.user.isEmpty, "the last user object replaces the first whole")
    #expect(event.verb == .list && event.code == 403 && event.decision == .forbid)
    #expect(event.resource.isEmpty && event.name == "n")
  }

  @Test func escapedKeysAndWords() throws {
    let json = SampleEvent(verb: #"g\u0065t"#).json
    let escaped = json.replacing(#""stage""#, with: #""st\u0061ge""#).replacing(#""code""#, with: #""\u0063ode""#)
    let event = try #require(decode(escaped).events.first)
    #expect(event == (try one(SampleEvent())))
  }

  @Test(arguments: [
    ("/x?dryRun=All", true), ("/x?a=b\\u0026dryRun=All", true), ("/x?a=b&dryRun=", true), ("/x?dryRun", false),
    ("/x?fakedryRun=All", false), ("/dryRun=All", false), ("/x?a=b&&dryRun=All", true), ("/x?a=dryRun=All", false),
    (#"/x?dry\u0052un=All"#, true), ("/x?dryrun=All", false), ("/x?a=1\\u0026a=2\\u0026bdryRun=All", false),
  ])
  func dryRuns(_ uri: String, _ isDryRun: Bool) throws {
    #expect(try one(SampleEvent(uri: uri)).isDryRun == isDryRun)
  }

  @Test(arguments: [
    (#""message":"users \"x\" is forbidden: User \"ann\" cannot impersonate resource","#, "", 403, true),
    (#""message":"User \"ann\" cannot impersonate:user-info resource","#, "", 403, true),
    (#""message":"cannot impersonate","#, "", 401, false),
    (#""message":"cannot imperson","#, "", 403, false),
    ("", #""details":{"kind":"users"},"#, 403, true),
    ("", #""details":{"name":"x","kind":"uids"},"#, 403, true),
    ("", #""details":{"kind":"secrets"},"#, 403, false),
    ("", #""details":{"kind":"serviceaccounts"},"#, 403, true),
    (#""message":"c\u0061nnot impersonate","#, "", 403, true),
  ])
  func impersonations(_ message: String, _ details: String, _ code: Int, _ isRefused: Bool) throws {
    let status =
      #","responseStatus":{"metadata":{},"status":"Failure",\#(message)"reason":"Forbidden",\#(details)"code":\#(code)}"#
    #expect(try one(SampleEvent(status: status, annotations: "")).isImpersonationRefused == isRefused)
  }

  /// Being refused a service account itself is no impersonation, though the kind is one that may be impersonated.
  @Test func refusedServiceAccount() throws {
    let sample = SampleEvent(
      reference: #","objectRef":{"resource":"serviceaccounts"}"#,
      status: #","responseStatus":{"metadata":{},"details":{"kind":"serviceaccounts"},"code":403}"#)
    #expect(try !one(sample).isImpersonationRefused)
  }

  @Test func impersonatedUser() throws {
    let more =
      #","impersonatedUser":{"username":"root","groups":["system:masters"]},"authenticationMetadata":{"impersonationConstraint":"x"}"#
    let event = try one(SampleEvent(more: more))
    #expect(event.user == "ann" && event.impersonatedUser == "root")
  }

  @Test(arguments: [
    ("[]", ""), (#"["9.9.9.9"]"#, #""9.9.9.9""#), (#"["1.1.1.1",null]"#, ""), (#"[5,"1.1.1.1"]"#, #"5,"1.1.1.1""#),
    ("null", ""), (#""1.1.1.1""#, ""), ("{}", ""),
  ])
  func sourceAddresses(_ list: String, _ inside: String) throws {
    #expect(try one(SampleEvent(sourceIPs: list)).sourceIPs == inside)
  }

  @Test func valuesOfOtherTypes() throws {
    let event = try one(
      SampleEvent(user: #""ann""#, reference: #","objectRef":[1]"#, status: #","responseStatus":"x""#))
    #expect(event.user.isEmpty && event.resource.isEmpty && event.code == 0)
  }

  @Test func olderVersions() throws {
    let json =
      #"{"kind":"Event","apiVersion":"audit.k8s.io/v1alpha1","auditID":"a","stage":"ResponseComplete","timestamp":"2018-01-01T00:00:00Z","objectRef":{"resource":"pods","apiVersion":"apps/v1"},"user":{}}"#
    let event = try #require(decode(json).events.first)
    #expect(event.time == 1_514_764_800_000_000 && event.apiGroup == "apps")
  }

  @Test func longValues() throws {
    let long = String(repeating: "x", count: 1 << 20)
    let addresses = "[" + Array(repeating: #""10.0.0.1""#, count: 10_000).joined(separator: ",") + "]"
    let event = try one(SampleEvent(id: long, sourceIPs: addresses))
    #expect(event.auditID.utf8.count == 1 << 20 && event.sourceIPs.utf8.count == addresses.utf8.count - 2)
  }
}
