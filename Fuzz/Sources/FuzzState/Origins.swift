import AuditEvents
import Counting
import Crypto
import Diagnostics
import Engine
import FuzzSupport
import Glibc

@testable import State

/// The files of a state, in memory.
struct StateFiles: Equatable {
  var database: [UInt8]
  /// What was committed and not yet moved into the file; nil where there is none.
  var log: [UInt8]?

  /// Whether a refusal left these files as they were. A log is moved into the file where it is good, which changes no
  /// content; and a file that somebody took out of write-ahead mode is put back into it, which its header tells.
  func isKept(by after: StateFiles) -> Bool {
    guard log == nil, database.count == after.database.count else { return log != nil }
    let isWriteAhead = database.count < 100 || database[18] == 2 && database[19] == 2
    let isHeader: (Int) -> Bool = { [18, 19].contains($0) || (24..<28).contains($0) || (92..<100).contains($0) }
    return database.indices.allSatisfy { database[$0] == after.database[$0] || !isWriteAhead && isHeader($0) }
  }
}

/// A folder for the states that are tried: FUZZ_FOLDER, else one below /tmp.
struct Workplace {
  let folder: String
  var database: String { folder + "/" + StateFile.name }
  var log: String { database + "-wal" }

  init() {
    let root = unsafe getenv("FUZZ_FOLDER").map { unsafe String(cString: $0) } ?? "/tmp"
    folder = "\(root)/state-\(getpid())"
    unsafe mkdir(folder, 0o700)
  }

  func put(_ files: StateFiles) {
    for path in [log, database + "-shm", database + "-journal"] { unsafe unlink(path) }
    write(files.database, database)
    if let bytes = files.log { write(bytes, log) }
  }

  func get() -> StateFiles { StateFiles(database: read(database) ?? [], log: read(log)) }

  private func write(_ bytes: [UInt8], _ path: String) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let written = unsafe Glibc.write(descriptor, bytes, bytes.count)
    demand(written == bytes.count, "\(path) cannot be written")
    close(descriptor)
  }

  private func read(_ path: String) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    unsafe fstat(descriptor, &facts)
    var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
    let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }
}

/// Events, and an engine that counts them.
enum Counted {
  static let inputs = ["file", "webhook"]
  static let begin: Microseconds = 1_790_000_000_000_000

  static var settings: EngineSettings {
    var counting = CountingSettings()
    counting.inputs = inputs
    return EngineSettings(counting: counting)
  }

  /// Some of everything that is kept; `round` makes them differ.
  private static let texts = (0..<9).map { Array(text($0).utf8) }

  private static func text(_ round: Int) -> String {
    (0..<24).map { at in
      let n = round * 24 + at
      let code = [200, 403, 401, 500][n % 4]
      let (group, resource) = n % 5 == 0 ? ("rbac.authorization.k8s.io", "clusterroles") : ("", "secrets")
      let impersonated = n % 7 == 0 ? #","impersonatedUser":{"username":"admin"}"# : ""
      let time = "2026-09-21T14:1\(round % 10):\(10 + at).000000Z"
      return """
        {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"\(n)","stage":"ResponseComplete",\
        "requestURI":"/api/v1/namespaces/kube-system/secrets/x","verb":"\(n % 3 == 0 ? "create" : "get")",\
        "user":{"username":"user\(n % 11)"}\(impersonated),"sourceIPs":["192.0.2.\(n % 6)","2001:db8::\(n % 5)"],\
        "objectRef":{"resource":"\(resource)","namespace":"kube-system","name":"x","apiGroup":"\(group)"},\
        "responseStatus":{"code":\(code)},"requestReceivedTimestamp":"\(time)","stageTimestamp":"\(time)",\
        "annotations":{"authorization.k8s.io/decision":"\(n % 2 == 0 ? "allow" : "forbid")"}}

        """
    }.joined()
  }

  /// A file's piece and a pushed body.
  static func batches(_ round: Int) -> [Batch] {
    let arrival = begin + Microseconds(round) * 60_000_000
    let bytes = texts[round]
    let mark = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 20)
    let position = InputPosition(stream: "stream\(round % 3)", offset: UInt64(bytes.count * round), mark: mark)
    return [
      Batch(
        input: 0, cluster: "prod", arrival: arrival, shape: .stream(id: 1), bytes: ByteBuffer(bytes), reservedBytes: 0,
        sourceBytes: bytes.count, positions: [.reached(position)]),
      Batch(
        input: 1, cluster: "other", arrival: arrival, shape: .body(path: "/webhook"), bytes: ByteBuffer(bytes),
        reservedBytes: 0, sourceBytes: bytes.count),
    ]
  }
}

/// States as the exporter leaves them: new, small, larger, and one that was killed with commits in its log.
enum Origins {
  static func make(in place: Workplace) throws -> [StateFiles] {
    place.put(StateFiles(database: [], log: nil))
    try StateStore(.directory(place.folder)).close()
    try settle(place.database)
    let new = place.get()
    let small = try grown(from: StateFiles(database: new.database, log: nil), rounds: 0..<1, in: place)
    let large = try grown(from: small.closed, rounds: 1..<6, in: place)
    return [StateFiles(database: new.database, log: nil), small.closed, large.closed, large.killed]
  }

  /// Of a new state only these differ from run to run.
  private static func settle(_ path: String) throws {
    try Database(path: path).execute(
      """
      UPDATE meta SET value = x'000102030405060708090a0b0c0d0e0f' WHERE key = 'sip_key';
      UPDATE meta SET value = '2026-09-21T14:13:20Z' WHERE key = 'created'
      """)
  }

  private static func grown(
    from files: StateFiles, rounds: Range<Int>, in place: Workplace
  ) throws -> (closed: StateFiles, killed: StateFiles) {
    place.put(files)
    let store = try StateStore(.directory(place.folder))
    var engine = try Engine(Counted.settings, restoring: try store.load())
    for round in rounds {
      for batch in Counted.batches(round) { _ = engine.count(batch) }
      _ = engine.readings(at: Counted.begin)
      try store.commit(engine.takeChange())
    }
    let killed = place.get()
    store.close()
    return (place.get(), killed)
  }
}
