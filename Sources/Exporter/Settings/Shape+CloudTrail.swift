internal import AWS
internal import YAML

extension Shape where Value == AWSPlace {
  static let cloudTrailFields = [CloudPlace.region] + CloudPlace.role

  /// A mapping, or the region alone.
  static var cloudTrailTarget: Shape {
    Shape(
      name: "region or {region, …}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          return AWSText.region.read(node, &complaints).map { AWSPlace(region: $0) }
        }
        return FieldReader(node, cloudTrailFields, &complaints).flatMap { CloudPlace.read($0, node, &complaints) }
      },
      write: { CloudPlace.write($0, []) })
  }
}
