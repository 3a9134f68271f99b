internal import AWS
internal import Diagnostics
internal import Inputs
internal import YAML

extension Shape where Value == KinesisSettings.Target {
  static let fields =
    [
      Field(name: "stream", help: "The stream's name, or its ARN.", isRequired: true), CloudPlace.region,
    ] + CloudPlace.role + [
      CloudPlace.clusterPrefix,
      Field(
        name: "cluster",
        help: "The cluster of records that name none. Those of CloudWatch Logs name theirs by the log group."),
    ]

  /// A mapping, or the ARN alone.
  static var kinesisTarget: Shape {
    Shape(
      name: "ARN or {stream, region, …}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          guard let stream = streamName.read(node, &complaints) else { return nil }
          guard let region = region(of: stream) else {
            complaints.add(Refusal("a region is missing", "Write the ARN, or {stream: NAME, region: REGION}"), at: node)
            return nil
          }
          return KinesisSettings.Target(stream: stream, place: AWSPlace(region: region))
        }
        guard let reader = FieldReader(node, fields, &complaints),
          let stream = reader.value("stream", streamName, &complaints),
          let place = CloudPlace.read(reader, node, &complaints)
        else { return nil }
        guard region(of: stream) ?? place.region == place.region else {
          complaints.add(Refusal("the ARN is of another region", "Correct one of the two"), at: node)
          return nil
        }
        var target = KinesisSettings.Target(stream: stream, place: place)
        target.clusterPrefix = reader.value("cluster_prefix", ClusterName.shape, &complaints) ?? ""
        target.cluster = reader.value("cluster", ClusterName.shape, &complaints)
        return target
      },
      write: { target in
        let more = [
          ("role_arn", target.place.roleARN), ("external_id", target.place.externalID),
          ("cluster_prefix", target.clusterPrefix.isEmpty ? nil : target.clusterPrefix), ("cluster", target.cluster),
        ].compactMap { name, text in text.map { ", \(name): \(Shape<String>.quoted($0))" } }
        return
          "{stream: \(Shape<String>.quoted(target.stream)), region: \(target.place.region)\(more.joined())}"
      })
  }

  private static let streamName = Shape<String>.checked("stream") { text throws(Refusal) in
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    let isARN =
      parts.count == 6 && parts[0] == "arn" && parts[1].hasPrefix("aws") && parts[2] == "kinesis"
      && !parts[3].isEmpty && parts[4].utf8.count == 12 && parts[5].hasPrefix("stream/")
      && isName(parts[5].dropFirst("stream/".count))
    guard isARN || isName(text[...]) else {
      throw Refusal(
        "\(Shape<String>.quoted(text)) is not a stream",
        "Write its name, or an ARN such as arn:aws:kinesis:eu-west-1:123456789012:stream/NAME")
    }
    return text
  }

  private static func isName(_ text: Substring) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      }
  }

  private static func region(of stream: String) -> String? {
    let parts = stream.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 6 ? String(parts[3]) : nil
  }
}

extension Shape where Value == KinesisSettings.Start {
  static var kinesisStart: Shape {
    .text(
      "latest, trim_horizon or a time",
      parse: { text throws(Refusal) in
        switch text {
        case "latest": return .latest
        case "trim_horizon": return .trimHorizon
        default:
          guard let time = Timestamp.read(text), time >= 0 else {
            throw Refusal("\(text) is no start", "Write latest, trim_horizon or a time such as 2026-01-02T03:04:05Z")
          }
          return .time(time / 1000)
        }
      },
      write: { start in
        switch start {
        case .latest: "latest"
        case .trimHorizon: "trim_horizon"
        case .time(let time): "\"\(Timestamp.text(time * 1000))\""
        }
      })
  }
}
