// Azure diagnostic records of AKS: `{"category":"kube-audit","resourceId":"…","properties":{"log":"{event}"}}`.
extension AuditDecoder {
  /// Reads the record that the any-order scanner has just read.
  ///
  /// `properties` may itself be a string, and `log` an object. Other categories (`guard`, the klog text of components)
  /// are ignored.
  /// - Source: learn.microsoft.com, "AKS monitoring data reference"; elastic/integrations, azure kubernetes logs.
  mutating func readAzureRecord<Sink: EventSink & ~Copyable>(_ context: Context, into sink: inout Sink) {
    let facts = any.facts
    guard let category = extent(.category, facts, context), let properties = extent(.properties, facts, context),
      category.text.hasCaselessPrefix("kube-audit")
    else { return ignore(.otherCategory, context, into: &sink) }
    var inner = context
    inner.source = .aks
    inner.time = recordTime(facts, context)
    if let resource = extent(.resourceID, facts, context)?.text.managedCluster { inner.cluster = resource }
    if properties.isObject, let log = find("log", in: properties) {
      readCarried(log, inner, into: &sink)
    } else {
      readCarried(properties, inner, into: &sink)
    }
  }
}

extension Text {
  /// The name after the last `MANAGEDCLUSTERS/` of an Azure resource ID, as it is written; nil when there is none.
  fileprivate var managedCluster: Text? {
    var found: Text?
    var place = start
    let end = place + count
    while let slash = place.find(UInt8(ascii: "/"), before: end) {
      let segment = place.text(to: slash, isEscaped: false)
      if segment.count == 15, segment.hasCaselessPrefix("managedclusters") {
        let name = slash + 1
        let nameEnd = name.find(UInt8(ascii: "/"), before: end) ?? end
        if name < nameEnd { found = name.text(to: nameEnd, isEscaped: isEscaped) }
      }
      place = slash + 1
    }
    return found
  }

  /// Whether it begins with `prefix`, lower-case letters and hyphens, whatever its case.
  fileprivate func hasCaselessPrefix(_ prefix: StaticString) -> Bool {
    guard count >= prefix.utf8CodeUnitCount else { return false }
    for i in 0..<prefix.utf8CodeUnitCount where unsafe (start[i] | 0x20) != prefix.utf8Start[i] { return false }
    return true
  }
}
