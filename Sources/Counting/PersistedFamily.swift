internal import Metrics

/// The families whose series are kept, by the number that stands for them in the state.
///
/// - Invariant: a number is never given to another family, and the labels of a family are never reordered.
enum PersistedFamily: UInt8, CaseIterable {
  case requests = 1
  case denied = 2
  case serverErrors = 3
  case rbac = 4
  case tracked = 5
  case trackedInWindow = 6
  case impersonated = 7
  case distinctUsers = 8
  case detections = 9
  case cloudAPICalls = 10
  case loggingChanges = 11
  case roleAssumptions = 12
  /// What windowed rules remember; its rows are no series that anybody sees.
  case ruleWindows = 13

  /// The labels that follow the cluster's, or those of an account and region, in order.
  var labels: [Label] {
    switch self {
    case .requests: [.verb, .code]
    case .denied: [.code, .reason, .user, .sourceIP]
    case .serverErrors: [.code, .verb, .resource]
    case .rbac: [.resource, .verb, .user, .outcome]
    case .tracked: [.object, .verb, .outcome]
    case .trackedInWindow: [.object, .verb, .user, .outcome]
    case .impersonated: [.user, .impersonatedUser]
    case .distinctUsers: [.sourceIP]
    case .detections: [.rule, .priority]
    case .cloudAPICalls: [.operation, .errorCode, .principal]
    case .loggingChanges: [.cluster, .logType, .change, .principal, .sourceIP]
    case .roleAssumptions: [.user, .role, .errorCode]
    case .ruleWindows: []
    }
  }
}

/// Rendered labels that come from outside, before anything trusts their form.
enum RenderedLabels {
  /// A row has at most five labels of 256 bytes before escapes.
  static let bytesLimit = 8192

  /// Whether `row` is `first` and then these labels, each with an escaped value.
  static func areWhole(_ row: [UInt8], behind first: [UInt8], _ labels: [Label]) -> Bool {
    guard row.count <= bytesLimit, row.starts(with: first) else { return false }
    var at = first.count
    for label in labels {
      let name = Array(",\(label.rawValue)=\"".utf8)
      guard row[at...].starts(with: name) else { return false }
      at += name.count
      guard let end = endOfValue(row, from: at) else { return false }
      at = end + 1
    }
    return at == row.count && isText(row)
  }

  /// Whether `value` can stand between quotes as it is.
  static func isValue(_ value: [UInt8]) -> Bool {
    value.count <= bytesLimit && endOfValue(value + [UInt8(ascii: "\"")], from: 0) == value.count && isText(value)
  }

  /// Where the quote stands that ends a value; nil when something in it is not escaped as it must be.
  private static func endOfValue(_ row: [UInt8], from start: Int) -> Int? {
    var at = start
    while at < row.count {
      switch row[at] {
      case UInt8(ascii: "\""): return at
      case 0..<0x20, 0x7f: return nil
      case UInt8(ascii: "\\"):
        guard at + 1 < row.count, [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "n")].contains(row[at + 1])
        else { return nil }
        at += 2
      default: at += 1
      }
    }
    return nil
  }

  private static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }
}
