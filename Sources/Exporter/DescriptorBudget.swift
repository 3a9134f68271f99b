internal import Diagnostics
import Glibc

extension Failure.Reason {
  /// The process may open too few files.
  static let openFiles = Failure.Reason("open_files")
}

/// How the file descriptors that the process may open are shared out: neither files nor connections may take what the state,
/// the log or a scrape needs, whoever opens however many of them.
struct DescriptorBudget: Equatable {
  /// Standard streams, state, watches, signals and timers, directories and small files that are open for a moment.
  private static let reserved = 32
  /// The listening socket and what wakes its threads.
  private static let reservedPerAddress = 4
  /// Connections of a thread that asks a cloud, and what libcurl wakes itself with.
  private static let reservedPerCloud = 6
  private static let filesWanted = 128
  private static let connectionsWanted = 512
  /// With fewer connections a listener could not tell a crowd from its scrapers.
  private static let connectionsLeast = 8

  /// Files that may be held open to be followed.
  let files: Int
  /// Connections of each address that is listened at.
  let connections: Int

  /// - Parameters:
  ///   - limit: what the process may open.
  ///   - clouds: threads that ask clouds.
  /// - Errors: reason `open_files` when that is too few.
  init(limit: Int, addresses: Int, clouds: Int = 0) throws(Failure) {
    let listeners = max(1, addresses)
    let rest = limit - Self.reserved - Self.reservedPerCloud * clouds - Self.reservedPerAddress * listeners
    files = min(Self.filesWanted, max(1, rest / 4))
    connections = min(Self.connectionsWanted, (rest - files) / listeners)
    guard connections >= Self.connectionsLeast else {
      throw Failure(
        .openFiles, "the process may open only \(limit) files", at: .process,
        remedy: "Allow \(Self.wanted(addresses, clouds: clouds)): ulimit -n, or LimitNOFILE= of the systemd unit")
    }
  }

  /// Whether it is less than the exporter would use.
  var isShort: Bool { files < Self.filesWanted || connections < Self.connectionsWanted }

  /// How many descriptors nothing is short of.
  static func wanted(_ addresses: Int, clouds: Int = 0) -> Int {
    let listeners = max(1, addresses)
    return reserved + reservedPerCloud * clouds + filesWanted + (reservedPerAddress + connectionsWanted) * listeners
  }

  /// What the process may open: raised to `wanted` where its own limit is lower and the system lets it.
  static func limit(raisedTo wanted: Int) -> Int {
    var limits = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return wanted }
    if limits.rlim_cur < rlim_t(wanted) {
      var raised = limits
      raised.rlim_cur = min(limits.rlim_max, rlim_t(wanted))
      if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limits = raised }
    }
    return Int(clamping: limits.rlim_cur)
  }
}
