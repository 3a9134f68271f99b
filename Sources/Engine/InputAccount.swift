internal import AuditEvents
internal import Metrics

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
}

/// Why an event that was received was not counted: label `reason` of `events_dropped_total`.
enum DropReason: UInt8, CaseIterable {
  /// The exporter stopped before the end of an event had arrived.
  case shutdown
  /// Its end had not arrived, and too much else was unfinished too.
  case unfinished

  var label: String {
    switch self {
    case .shutdown: "shutdown"
    case .unfinished: "unfinished"
    }
  }
}
