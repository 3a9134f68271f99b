public import AWS

/// What is asked of CloudTrail.
public struct CloudTrailSettings: Sendable, Equatable {
  /// None: the input is off.
  public var places: [AWSPlace] = []
  /// How often each account and region is asked.
  public var pollSeconds: Int64 = 60
  /// How late CloudTrail may show an event and still have it counted.
  public var overlapSeconds: Int64 = 1_800
  /// How far back the first run begins.
  public var lookBackSeconds: Int64 = 900

  public init() {}
}
