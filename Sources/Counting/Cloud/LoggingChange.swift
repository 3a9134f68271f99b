internal import AuditEvents

/// One type of control-plane log that an `UpdateClusterConfig` of EKS turns on or off.
struct LoggingChange: Hashable {
  enum LogType: UInt8, CaseIterable {
    case api, audit, authenticator, controllerManager, scheduler
    /// A word that EKS may add.
    case other

    var label: StaticString {
      switch self {
      case .api: "api"
      case .audit: "audit"
      case .authenticator: "authenticator"
      case .controllerManager: "controllerManager"
      case .scheduler: "scheduler"
      case .other: "(other)"
      }
    }
  }

  let type: LogType
  let isEnabled: Bool

  /// What `requestParameters.logging` asks for, each change once, in a fixed order.
  static func all(_ logging: JSONValue) -> [LoggingChange] {
    var found: Set<LoggingChange> = []
    for group in logging.list("clusterLogging") {
      guard let enabled = group.member("enabled".utf8Span.span), enabled.kind == .bool else { continue }
      let isEnabled = enabled.text.equals("true")
      for type in group.list("types") {
        guard let word = type.content else { continue }
        let known = LogType.allCases.first { $0 != .other && $0.label.description == word }
        found.insert(LoggingChange(type: known ?? .other, isEnabled: isEnabled))
      }
    }
    return found.sorted { ($0.type.rawValue, $0.isEnabled ? 1 : 0) < ($1.type.rawValue, $1.isEnabled ? 1 : 0) }
  }
}
