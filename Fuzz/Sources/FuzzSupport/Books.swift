public import Metrics

/// What became of the events of all inputs, as a scrape shows it.
public struct Books: Equatable {
  public let received: Double
  public let duplicate: Double
  /// Counted, and by whatever else explains what was received.
  public let explained: Double

  public init(_ readings: Readings) {
    func sum(_ family: FamilyID) -> Double { readings[family].rows.reduce(0) { $0 + $1.value } }
    received = sum(.eventsReceived)
    duplicate = sum(.eventsDuplicate)
    explained =
      sum(.eventsCounted) + sum(.eventsNotARequest) + duplicate + sum(.eventsIgnored) + sum(.eventsRejected)
      + sum(.eventsDropped)
  }
}
