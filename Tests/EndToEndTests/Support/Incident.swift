import TestSupport

/// An hour that no cluster should have, told in fresh events: something of everything that dashboards show.
struct Incident {
  /// Makes the events of one telling differ from those of another.
  let round: Int

  /// Refusals of the user who pages: 403 by the authorizer.
  static let refusals = 60
  static let attacker = "mallory@corp.example"
  static let attackerIP = "203.0.113.66"
  /// Impersonated requests of the bundled log.
  static let impersonations = 6

  /// The bundled log as if it were written now, and what it lacks.
  func log() throws -> [UInt8] {
    let now = Event.now
    let stamp = #"s/("(requestReceivedTimestamp|stageTimestamp)":")[^"]*/\1"# + now + "/g"
    let bundled = try Files.read(Files.beside("../../../examples/events.jsonl"))
    let fresh = try Process.run(["sed", "-E", stamp], input: bundled).output
    return fresh + events(at: now).flatMap(\.line) + flawed(at: now)
  }

  /// Batches for the webhook: one that is pushed twice is known the second time.
  func batch() -> [UInt8] {
    Event.list((0..<5).map { Event(user: "pusher", number: base + 900 + $0, time: Event.now).json })
  }

  /// What CloudTrail wrote meanwhile: somebody turned a log off, a service account took a role, calls were many.
  func trail() -> [UInt8] {
    let time = Event.now.prefix(19) + "Z"
    func record(_ number: Int, _ content: String) -> String {
      #"{"eventTime":"\#(time)","awsRegion":"eu-west-1","eventID":"\#(round)-\#(number)","recipientAccountId":"123456789012","#
        + content + "}"
    }
    let subject = "system:serviceaccount:shop:cart"
    let records = [
      record(
        1,
        #""eventSource":"eks.amazonaws.com","eventName":"UpdateClusterConfig","sourceIPAddress":"192.0.2.1","#
          + #""userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/eve"},"requestParameters":{"name":"prod","#
          + #""logging":{"clusterLogging":[{"types":["audit"],"enabled":false}]}}"#),
      record(
        2,
        #""eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","sourceIPAddress":"192.0.2.2","#
          + #""userIdentity":{"type":"WebIdentityUser","userName":"\#(subject)"},"requestParameters":"#
          + #"{"roleArn":"arn:aws:iam::123456789012:role/cart"}"#),
      record(
        3,
        #""eventType":"AwsCloudTrailInsight","eventCategory":"Insight","sharedEventID":"s","insightDetails":{"state":"Start","#
          + #""eventSource":"eks.amazonaws.com","eventName":"DescribeCluster","insightType":"ApiCallRateInsight","#
          + #""insightContext":{"statistics":{"baseline":{"average":0.5},"insight":{"average":12.5}}}}"#),
    ]
    return Array(#"{"Records":[\#(records.joined(separator: ","))]}"#.utf8)
  }

  private var base: Int { 1_000_000 * (round + 1) }

  private func events(at now: String) -> [Event] {
    func event(_ number: Int) -> Event { Event(number: base + number, time: now) }
    func refused(_ number: Int, user: String, from address: String) -> Event {
      var event = event(number)
      (event.user, event.sourceIP, event.code, event.decision) = (user, address, 403, "forbid")
      return event
    }
    func changed(_ number: Int, _ verb: String, _ object: String) -> Event {
      var event = event(number)
      (event.user, event.verb, event.object) = ("root@corp.example", verb, object)
      return event
    }
    let spike = (0..<Self.refusals).map { refused($0, user: Self.attacker, from: Self.attackerIP) }
    // More names than one source IP may hold: guessing, and the limit reached.
    let guessing = (0..<70).map { refused(100 + $0, user: "guess-\($0)", from: "198.51.100.200") }
    let anonymous = (0..<6).map { refused(200 + $0, user: "system:anonymous", from: "198.51.100.201") }
    let changes = Self.objects.enumerated().map { changed(300 + $0, $1.verb, $1.object) }
    let reads = (0..<6).map {
      changed(400 + $0, "get", #""resource":"secrets","namespace":"prod","name":"token-\#($0)","apiVersion":"v1""#)
    }
    return spike + guessing + anonymous + changes + reads
  }

  private static let objects: [(verb: String, object: String)] = [
    ("update", #""resource":"configmaps","namespace":"kube-system","name":"aws-auth","apiVersion":"v1""#),
    ("create", object("validatingwebhookconfigurations", "admissionregistration.k8s.io")),
    ("patch", object("mutatingwebhookconfigurations", "admissionregistration.k8s.io")),
    ("create", object("clusterrolebindings", "rbac.authorization.k8s.io")),
    ("create", object("networkpolicies", "networking.k8s.io")),
    ("create", object("certificatesigningrequests", "certificates.k8s.io")),
    ("create", #""resource":"pods","namespace":"prod","name":"db-0","apiVersion":"v1","subresource":"exec""#),
    ("delete", #""resource":"pods","namespace":"prod","name":"db-0","apiVersion":"v1""#),
    ("list", #""resource":"secrets","apiVersion":"v1""#),
  ]

  private static func object(_ resource: String, _ group: String) -> String {
    #""resource":"\#(resource)","name":"own","apiGroup":"\#(group)","apiVersion":"v1""#
  }

  /// What may be wrong with a record, and an impersonation that was refused.
  private func flawed(at now: String) -> [UInt8] {
    let old = Event(number: base + 500).line
    let future = Event(number: base + 501, time: "2999-01-01T00:00:00.000000Z").line
    let whole = Event(user: "cut", number: base + 502, time: now).json
    let cut = whole.prefix(upTo: whole.firstRange(of: #","requestReceivedTimestamp""#)?.lowerBound ?? whole.endIndex)
    let impersonating = Event(user: Self.attacker, sourceIP: Self.attackerIP, code: 403, number: base + 503, time: now)
      .json.replacing(
        #""metadata":{},"#,
        with: #""metadata":{},"message":"users \"root\" is forbidden: User \"x\" cannot impersonate resource","#
      ).replacing(#""authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"""#, with: "")
    let lines = [impersonating, String(cut), #"{"kind":"Event","stage":"#, "I0105 08:00:00.000000 1 server.go:1] ok"]
    return old + future + lines.flatMap { Array(($0 + "\n").utf8) }
  }
}
