public import AuditEvents

/// What a record of CloudTrail is about, as far as it is counted.
public enum CloudSubject: Sendable, Hashable {
  /// A call of the service that manages clusters.
  case clusterCall
  /// A service account of a cluster has asked for a role (IRSA).
  case roleAssumption
  /// CloudTrail Insights noticed something.
  case insight
  /// Anything else: it is not counted.
  case other

  public init(_ record: borrowing CloudTrailRecord) {
    if record.insight != nil {
      self = .insight
    } else if record.eventSource.equals("eks.amazonaws.com") {
      self = .clusterCall
    } else if record.eventSource.equals("sts.amazonaws.com"), record.eventName.equals("AssumeRoleWithWebIdentity"),
      CloudIdentity.serviceAccount(record) != nil
    {
      self = .roleAssumption
    } else {
      self = .other
    }
  }
}
