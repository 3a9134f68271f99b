/// Events are kept long enough to look back at what happened: as long as CloudTrail shows events without a trail.
public enum LogRetentionCheck: Check {
  public static let id = "log-retention"
  public static let rule: String? = nil
  public static let title = "Logs are kept for 90 days at least"
  public static let isDeciding = false

  static let leastSeconds: Int64 = 90 * 86_400

  public static func evaluate(_ facts: ClusterFacts) -> Finding? {
    guard case .found(let store) = facts.store else { return nil }
    guard let seconds = store.retentionSeconds, seconds < leastSeconds else { return .satisfied }
    return .violated(
      "\(store.name) keeps events for \(seconds / 86_400) days",
      remedy: "aws logs put-retention-policy --region \(facts.region) --log-group-name \(store.name) "
        + "--retention-in-days 90")
  }
}
