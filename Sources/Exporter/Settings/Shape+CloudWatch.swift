internal import AWS
internal import YAML

extension Shape where Value == Settings.CloudWatch.Target {
  static let fields =
    [
      CloudPlace.region,
      Field(
        name: "log_group_prefix",
        help:
          "What the names of the log groups begin with: `/aws/eks/` (the default) and the beginning of clusters' names."
      ),
    ] + CloudPlace.role + [CloudPlace.clusterPrefix]

  /// A mapping, or the region alone.
  static var cloudWatchTarget: Shape {
    Shape(
      name: "region or {region, …}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          return AWSText.region.read(node, &complaints).map { Settings.CloudWatch.Target(place: AWSPlace(region: $0)) }
        }
        guard let reader = FieldReader(node, fields, &complaints),
          let place = CloudPlace.read(reader, node, &complaints)
        else { return nil }
        var target = Settings.CloudWatch.Target(place: place)
        if let prefix = reader.value("log_group_prefix", AWSText.logGroupPrefix, &complaints) {
          target.logGroupPrefix = prefix
        }
        target.clusterPrefix = reader.value("cluster_prefix", ClusterName.shape, &complaints) ?? ""
        return target
      },
      write: { target in
        CloudPlace.write(
          target.place,
          [
            ("log_group_prefix", target.logGroupPrefix == "/aws/eks/" ? nil : target.logGroupPrefix),
            ("cluster_prefix", target.clusterPrefix.isEmpty ? nil : target.clusterPrefix),
          ])
      })
  }
}
