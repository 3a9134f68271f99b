internal import AWS
internal import Posture
internal import YAML

extension Shape where Value == PostureTarget {
  static let fields =
    [
      Field(
        name: "region", help: "The region, `eu-west-1`, or `all` for every region that is switched on.",
        isRequired: true)
    ] + CloudPlace.role + [CloudPlace.clusterPrefix]

  /// A mapping, or the region alone.
  static var postureTarget: Shape {
    Shape(
      name: "region or {region, …}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          return AWSText.regionOrAll.read(node, &complaints).map { PostureTarget(AWSPlace(region: $0)) }
        }
        guard let reader = FieldReader(node, fields, &complaints),
          let place = CloudPlace.read(reader, node, region: AWSText.regionOrAll, &complaints)
        else { return nil }
        return PostureTarget(
          place, clusterPrefix: reader.value("cluster_prefix", ClusterName.shape, &complaints) ?? "")
      },
      write: { target in
        CloudPlace.write(target.place, [("cluster_prefix", target.clusterPrefix.isEmpty ? nil : target.clusterPrefix)])
      })
  }
}
