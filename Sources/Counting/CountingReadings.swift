public import Metrics

/// Everything that counting shows, at one instant: plain data, to be rendered anywhere.
///
/// - Order: the rows of every set stand in an order that two readings of one state share.
/// - Source: DESIGN.md, section 4; a property is its family's name without `kube_audit_`.
public struct CountingReadings: Sendable {
  /// Counts up with every reading; `Counters.scraped(_:)` takes it back.
  public var number: UInt32 = 0

  public var requests = SampleSet()
  public var deniedRequests = SampleSet()
  public var serverErrors = SampleSet()
  public var rbacMutations = SampleSet()
  public var trackedRequests = SampleSet()
  public var impersonatedRequests = SampleSet()
  public var eventsByStage = SampleSet()

  public var windowRequests = SampleSet()
  public var windowDeniedRequests = SampleSet()
  public var windowDistinctUsers = SampleSet()
  public var windowServerErrorRatio = SampleSet()
  public var windowRBACMutations = SampleSet()
  public var windowTrackedRequests = SampleSet()

  public var clusterLastEvent = SampleSet()
  public var eventLag = SampleSet()
  public var clusterExpected = SampleSet()

  public var series = SampleSet()
  public var seriesLimit = SampleSet()
  public var seriesOverflow = SampleSet()
  public var seriesExpiredValue = SampleSet()

  /// By input.
  public var eventsSkewed = SampleSet()
  /// By input.
  public var eventsLate = SampleSet()

  public init() {}
}
