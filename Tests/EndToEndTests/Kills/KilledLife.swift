import Concurrency
import Counting
import Glibc
import State
import TestSupport
import Testing

/// One state from its birth to its end: an exporter that is killed again and again, and everything that is sent to it.
final class KilledLife {
  /// What one life came to.
  struct Figures {
    var kills = 0
    /// Of them, before it was ready.
    var early = 0
    /// How often everything that is exported was compared.
    var comparisons = 0
    /// Batches that a kill left without an answer: found in the state, and not.
    var committed = 0
    var uncommitted = 0
    var events = 0
    var duplicates = 0
    var rotations = 0

    static func + (a: Figures, b: Figures) -> Figures {
      Figures(
        kills: a.kills + b.kills, early: a.early + b.early, comparisons: a.comparisons + b.comparisons,
        committed: a.committed + b.committed, uncommitted: a.uncommitted + b.uncommitted, events: a.events + b.events,
        duplicates: a.duplicates + b.duplicates, rotations: a.rotations + b.rotations)
    }
  }

  /// Something that must not be.
  struct Broken: Error, CustomStringConvertible { let description: String }

  private let folder: String
  private let listeners: Listeners
  private let logs: [WrittenLog]
  private let servers: [PushingServer]
  private var random: SplitMix64
  private let begun = Event.clock
  private var ledger = Ledger()
  /// What the last page showed.
  private var shown = Ledger()
  private(set) var figures = Figures()
  private(set) var trail: [String] = []

  init(folder: String, seed: UInt64) throws {
    self.folder = folder
    random = SplitMix64(seed: seed)
    let process = UInt32(getpid())
    listeners = Listeners(
      address: "127.\(64 + process >> 16 & 63).\(process >> 8 & 255).\(process & 255)", port: try FreePort.next(),
      pushPort: try FreePort.next())
    let times = Deed.Times()
    logs = try zip(WrittenLog.Habit.allCases, ["a", "b", "c"]).map { [folder] habit, cluster in
      let path = "\(folder)/\(cluster)"
      guard unsafe mkdir(path, 0o755) == 0 else { throw Concurrency.SystemError.last }
      return WrittenLog(habit, cluster: cluster, folder: path, times, seed: seed &+ UInt64(cluster.utf8.first ?? 0))
    }
    // Two of them for one cluster, and one for a cluster whose log is followed too.
    servers = zip(["w", "w", "x", "a"], 1...).map { [listeners] cluster, at in
      PushingServer(listeners, cluster: cluster, users: (10 * at)...(10 * at + 5), times, seed: seed &+ UInt64(at))
    }
    let files = logs.enumerated().map { "{path: \"\($1.pattern)\", cluster: \(["a", "b", "c"][$0])}" }
    let text = """
      inputs:
        file: [\(files.joined(separator: ", "))]
        webhook: {listen_addresses: ["\(listeners.address):\(listeners.pushPort)"], clusters: [w, x, a], insecure: true}
      """
    try Files.write(Array(text.utf8), to: folder + "/exporter.yaml")
  }

  /// Whether the times of its events can still be relied on.
  var isYoung: Bool { Event.clock - begun < Deed.lifeSecondsLimit - 30 }

  func run(kills: Int) throws {
    for log in logs { try log.step() }
    while figures.kills < kills, isYoung {
      let process = try start()
      // What was rotated away before there was a state is not read.
      let isFirst = figures.comparisons == 0
      let isEarly = !isFirst && random.chance(30)
      if !isEarly {
        try waitUntilReady(process)
        if isFirst || random.chance(70) { try compareAll(process) }
      }
      try kill(process, isEarly: isEarly)
    }
    let process = try start()
    try waitUntilReady(process)
    try compareAll(process)
    process.signal(SIGTERM)
    guard try process.waitForExit() == 0 else { throw Broken(description: "SIGTERM: \(process.errorText.suffix(500))") }
    try compareState()
    figures.rotations = logs.reduce(0) { $0 + $1.rotations }
    figures.events = ledger["events_received_total file"] + ledger["events_received_total webhook"]
    figures.duplicates = ledger["events_duplicate_total webhook"]
  }

  // MARK: - The exporter

  private func start() throws -> RunningProcess {
    try RunningProcess([
      Program.path, "serve", "--config.file", folder + "/exporter.yaml", "--storage.path", folder + "/state",
      "--web.listen-address", "\(listeners.address):\(listeners.port)",
    ])
  }

  private func get(_ path: String) -> (status: Int, body: String)? {
    guard let connection = try? RawConnection(address: listeners.address, port: listeners.port) else { return nil }
    connection.send("GET \(path) HTTP/1.0\r\n\r\n")
    let text = connection.read()
    guard let end = text.utf8.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return (status ?? 0, String(text[end.upperBound...]))
  }

  private func waitUntilReady(_ process: RunningProcess) throws {
    try process.wait(for: "a ready exporter") { get("/-/ready")?.status == 200 ? true : nil }
  }

  /// The page; what was shown before must not have fallen.
  private func scrape() throws -> Ledger? {
    guard let answer = get("/metrics"), answer.status == 200 else { return nil }
    let page = try Page(answer.body)
    expectBalance(page)
    let ledger = Ledger(page)
    let fallen = ledger.fallen(from: shown)
    if !fallen.isEmpty { throw Broken(description: "counters fell: \(fallen.prefix(5))") }
    shown = ledger
    return ledger
  }

  // MARK: - Load and death

  private func kill(_ process: RunningProcess, isEarly: Bool) throws {
    let isOver = Lock(false)
    let fault = Lock<String?>(nil)
    let writing = try NamedThread("writer") { [logs, seed = random.next()] in
      var random = SplitMix64(seed: seed)
      do {
        while !isOver.withLock({ $0 }) {
          try logs[random.below(logs.count)].step()
          usleep(UInt32(random.pick(0...3_000)))
        }
      } catch { fault.withLock { $0 = "\(error)" } }
    }
    let pushing = try servers.map { server in
      try NamedThread("pusher") { while !isOver.withLock({ $0 }) { if !server.push() { usleep(1_000) } } }
    }
    // From microseconds after the start, each order of magnitude as likely, to steady load.
    let delay = isEarly ? (1 << random.pick(6...15)) + random.below(1 << 15) / 8 : random.below(250_000)
    usleep(UInt32(delay))
    if !isEarly, random.oneIn(4) { _ = try scrape() }
    let ended = !process.isRunning
    process.signal(SIGKILL)
    _ = try process.waitForExit()
    isOver.withLock { $0 = true }
    writing.join()
    for thread in pushing { thread.join() }
    trail.append("killed after \(delay) microseconds\(isEarly ? " of its start" : "")")
    if let fault = fault.withLock({ $0 }) { throw Broken(description: "the writer: \(fault)") }
    if ended { throw Broken(description: "it ended by itself: \(process.errorText.suffix(1000))") }
    figures.kills += 1
    figures.early += isEarly ? 1 : 0
    try compareState()
    // What happens to the logs while nobody looks.
    while random.oneIn(3) { try random.pick(logs).rotate() }
    if random.oneIn(2) { for _ in 0..<random.below(8) { try random.pick(logs).step() } }
  }

  // MARK: - Comparing

  /// Reads a copy of the state: it must hold exactly what its own positions and its batches amount to.
  private func compareState() throws {
    let copy = folder + "/copy"
    _ = unsafe mkdir(copy, 0o755)
    let name = "/kube-audit-exporter.db"
    for end in ["", "-wal"] {
      _ = unsafe unlink(copy + name + end)
      if let bytes = try? Files.read(folder + "/state" + name + end) { try Files.write(bytes, to: copy + name + end) }
    }
    guard unsafe access(copy + name, F_OK) == 0 else { return }
    let store = try StateStore(.directory(copy))
    defer { store.close() }
    let saved = try store.load()
    let accounts = saved.accounts.filter { Ledger.isAccount($0.kind) }.map {
      ("events_\($0.kind)_total \($0.input)", $0.value)
    }
    let stored = try Ledger(
      series: saved.counting.series.map { ($0.family, String(decoding: $0.labels ?? [], as: UTF8.self), $0.count) },
      accounts: Dictionary(accounts) { $0 + $1 })
    let positions = saved.positions.filter { $0.key.input == "file" }.map { ($0.key.stream, Int($0.offset)) }
    let faults = logs.flatMap { $0.follow(Dictionary(positions) { $1 }, &ledger) }
    if !faults.isEmpty { throw Broken(description: "positions: \(faults.prefix(5))") }
    for server in servers {
      let isOpen = server.batch.map { !$0.isCounted } ?? false && !server.unanswered.isEmpty
      let isFound = server.follow(stored, &ledger)
      if isOpen { if isFound { figures.committed += 1 } else { figures.uncommitted += 1 } }
    }
    try accountForUnanswered(stored)
    if let difference = stored.difference(from: ledger.stored) {
      throw Broken(description: "the state: \(difference)")
    }
  }

  /// Deliveries without an answer may have been taken for duplicates, each as a whole or not at all.
  private func accountForUnanswered(_ found: Ledger) throws {
    let key = "events_duplicate_total webhook"
    let more = found[key] - ledger[key]
    var sums: Set = [0]
    for events in servers.flatMap({ $0.takeUnanswered() }) { sums.formUnion(sums.map { $0 + events }) }
    guard sums.contains(more) else {
      throw Broken(
        description: "\(more) duplicates too many; unanswered deliveries amount to \(sums.sorted().prefix(20))")
    }
    ledger.addDuplicates(more, "webhook")
  }

  /// Delivers what is under way, waits until all files are counted, and compares everything that is exported.
  private func compareAll(_ process: RunningProcess) throws {
    for server in servers {
      try process.wait(for: "an answer") { server.push() ? true : nil }
      server.settle(&ledger)
    }
    for log in logs { try log.completeLedger(&ledger) }
    // Of both ways: where a commit takes long, a page shows the last one's counters, which may lack what was pushed since.
    let totals = ["events_received_total file", "events_received_total webhook"]
    var last = Ledger()
    _ = try process.wait(for: "everything counted: \(totals.map { ledger[$0] })") { () -> Bool? in
      guard let page = try scrape() else { return nil }
      last = page
      return totals.allSatisfy { page[$0] >= ledger[$0] } ? true : nil
    }
    try accountForUnanswered(last)
    if let difference = last.difference(from: ledger) { throw Broken(description: "the page: \(difference)") }
    for log in logs { try log.allWasCounted() }
    figures.comparisons += 1
  }
}
