internal import AuditEvents
internal import Diagnostics
internal import Metrics
internal import State

/// What became of everything one input handed in.
///
/// - Invariant: `received = counted + notARequest + duplicate + ignored + rejected + dropped` (DESIGN.md, "Accounting");
///   every change keeps it, so it holds at every scrape.
struct InputAccount {
  private(set) var received: UInt64 = 0
  private(set) var counted: UInt64 = 0
  private(set) var notARequest: UInt64 = 0
  private(set) var duplicate: UInt64 = 0
  private(set) var ignored = [UInt64](repeating: 0, count: IgnoreReason.allCases.count)
  private(set) var rejected = [UInt64](repeating: 0, count: RejectReason.allCases.count)
  private(set) var dropped = [UInt64](repeating: 0, count: DropReason.allCases.count)
  /// Truncated, but counted or found to be no request: a part of the above.
  private(set) var salvaged: UInt64 = 0
  /// Digests that left before their time to make room for this input's.
  private(set) var digestsEvicted: UInt64 = 0
  /// Bytes read from the source.
  private(set) var bytes: UInt64 = 0
  /// Bytes that were lost there before they could be read.
  private(set) var gapBytes: UInt64 = 0

  @inline(__always)
  mutating func count(isRequest: Bool, isSalvaged: Bool) {
    received &+= 1
    counted &+= isRequest ? 1 : 0
    notARequest &+= isRequest ? 0 : 1
    salvaged &+= isSalvaged ? 1 : 0
  }

  mutating func countDuplicates(_ events: UInt64) {
    received += events
    duplicate += events
  }

  mutating func ignore(_ reason: IgnoreReason) {
    received += 1
    ignored[Int(reason.rawValue)] += 1
  }

  mutating func reject(_ reason: RejectReason) {
    received += 1
    rejected[Int(reason.rawValue)] += 1
  }

  mutating func drop(_ reason: DropReason) {
    received += 1
    dropped[Int(reason.rawValue)] += 1
  }

  /// Adds this input's rows to the accounting families; reasons that never occurred are there with 0.
  func append(to readings: inout Readings, input: String) {
    func add(_ family: FamilyID, _ value: UInt64) {
      readings[family].append([(.input, input)], Double(value))
    }
    add(.eventsReceived, received)
    add(.eventsCounted, counted)
    add(.eventsNotARequest, notARequest)
    add(.eventsDuplicate, duplicate)
    add(.eventsSalvaged, salvaged)
    add(.digestsEvicted, digestsEvicted)
    add(.inputBytes, bytes)
    add(.sourceGapBytes, gapBytes)
    for reason in IgnoreReason.allCases {
      let value = ignored[Int(reason.rawValue)]
      readings[.eventsIgnored].append([(.input, input), (.reason, reason.label)], Double(value))
    }
    for reason in RejectReason.allCases {
      let value = rejected[Int(reason.rawValue)]
      readings[.eventsRejected].append([(.input, input), (.reason, reason.label)], Double(value))
    }
    for reason in DropReason.allCases {
      let value = dropped[Int(reason.rawValue)]
      readings[.eventsDropped].append([(.input, input), (.reason, reason.label)], Double(value))
    }
  }

  mutating func evict(digests more: UInt64) { digestsEvicted += more }

  mutating func read(bytes more: Int) { bytes += UInt64(more) }

  mutating func lose(bytes more: Int) { gapBytes += UInt64(max(0, more)) }
}

// How it is kept: one number a row, under words that stay when reasons are added.
extension InputAccount {
  private static let numbers: [(kind: String, path: any WritableKeyPath<InputAccount, UInt64> & Sendable)] = [
    ("received", \.received), ("counted", \.counted), ("not_a_request", \.notARequest), ("duplicate", \.duplicate),
    ("salvaged", \.salvaged), ("bytes", \.bytes), ("digests_evicted", \.digestsEvicted),
    ("gap_bytes", \.gapBytes),
  ]

  /// The numbers that are not those of `saved`.
  func rows(unlike saved: InputAccount, input: String) -> [AccountRow] {
    var rows: [AccountRow] = []
    func add(_ kind: String, _ reason: String, _ value: UInt64, _ old: UInt64) {
      if value != old { rows.append(AccountRow(input: input, kind: kind, reason: reason, value: value)) }
    }
    for (kind, path) in Self.numbers { add(kind, "", self[keyPath: path], saved[keyPath: path]) }
    for reason in IgnoreReason.allCases {
      let at = Int(reason.rawValue)
      add("ignored", reason.label, ignored[at], saved.ignored[at])
    }
    for reason in RejectReason.allCases {
      let at = Int(reason.rawValue)
      add("rejected", reason.label, rejected[at], saved.rejected[at])
    }
    for reason in DropReason.allCases {
      let at = Int(reason.rawValue)
      add("dropped", reason.label, dropped[at], saved.dropped[at])
    }
    return rows
  }

  /// The account that these rows tell.
  ///
  /// - Errors: reason `countingState` when one of them is no total.
  init(_ rows: [AccountRow]) throws(Failure) {
    for row in rows {
      guard row.value <= KeptLimit.total else { throw .restoring("what became of an input's events is no total") }
      restore(row)
    }
  }

  /// Takes over a number. What this version has no word for is counted where the books stay even.
  private mutating func restore(_ row: AccountRow) {
    if let number = Self.numbers.first(where: { $0.kind == row.kind }) { return self[keyPath: number.path] = row.value }
    switch row.kind {
    case "ignored":
      let reason = IgnoreReason.allCases.first { $0.label == row.reason }
      ignored[Int((reason ?? IgnoreReason.allCases[0]).rawValue)] += row.value
    case "rejected":
      let reason = RejectReason.allCases.first { $0.label == row.reason }
      rejected[Int((reason ?? RejectReason.allCases[0]).rawValue)] += row.value
    case "dropped":
      let reason = DropReason.allCases.first { $0.label == row.reason }
      dropped[Int((reason ?? DropReason.allCases[0]).rawValue)] += row.value
    default: break
    }
  }
}

/// Why an event that was received was not counted: label `reason` of `events_dropped_total`.
enum DropReason: UInt8, CaseIterable {
  /// The exporter stopped before the end of an event had arrived.
  case shutdown
  /// Its end had not arrived, and too much else was unfinished too.
  case unfinished
  /// Whoever sent it may not write events of its cluster.
  case forbiddenCluster

  var label: String {
    switch self {
    case .shutdown: "shutdown"
    case .unfinished: "unfinished"
    case .forbiddenCluster: "forbidden_cluster"
    }
  }
}
