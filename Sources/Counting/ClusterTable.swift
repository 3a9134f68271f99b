internal import AuditEvents
internal import Metrics

/// The clusters that have series, their rendered labels, and what is counted by cluster alone.
///
/// - Bound: `limit` names; further ones share the cluster `(other)`, which is there when it is needed.
struct ClusterTable: ~Copyable {
  struct Cluster {
    /// `k8s_cluster="…"`.
    let labels: [UInt8]
    let labelsRef: LabelArena.Ref
    let stageRefs: [LabelArena.Ref]
    let classRefs: [LabelArena.Ref]
    var isExpected = false
    /// Its record was not handed over as it is.
    var isDirty = true
  }

  /// Requests of one class that are not in the windows yet: all of seconds that share their panes.
  struct Pending {
    var from: UInt32 = 0
    var to: UInt32 = 0
    var count: UInt32 = 0
  }

  // Literals, so that no event waits for a lazy constant; `make` checks them.
  static let classCount = 6
  static let stageCount = 5

  private let limit: Int
  let windowCount: Int
  var clusters: [Cluster] = []
  /// Whether one of them is dirty.
  var hasDirty = false
  /// Clusters whose windows must be handed over though nothing was heard.
  var stale: [Int] = []
  private(set) var arena = LabelArena()
  /// Events by cluster and stage.
  var stages = Slab<UInt64>()
  /// Heads of the window lists by cluster, class of code and window.
  var heads = Slab<UInt32>()
  /// By cluster and class of code.
  var pending = Slab<Pending>()
  var index: [[UInt8]: Int] = [:]
  private(set) var other: Int?
  private var row: [UInt8] = []
  /// The raw bytes of the last name that an event gave, and its cluster.
  private var lastName: [UInt8] = []
  private var lastCluster = 0

  init(limit: Int, windowCount: Int) {
    self.limit = min(limit, Int(UInt16.max) - 1)
    self.windowCount = windowCount
  }

  /// The cluster that was last named with these raw bytes.
  func recent(_ name: borrowing Text) -> Int? {
    guard name.count == lastName.count, name.count > 0 else { return nil }
    // SAFETY: `name` lends `count` bytes for this call.
    let raw = unsafe name.raw
    for i in lastName.indices where unsafe raw[i] != lastName[i] { return nil }
    return lastCluster
  }

  mutating func remember(_ name: borrowing Text, _ cluster: Int) {
    lastName.removeAll(keepingCapacity: true)
    // SAFETY: `name` lends its bytes for this call.
    unsafe lastName.append(contentsOf: name.raw)
    lastCluster = cluster
  }

  /// The cluster with this escaped label value. `isNew` says that it was made by this call.
  mutating func cluster(_ value: [UInt8]) -> (cluster: Int, isNew: Bool) {
    if let known = index[value] { return (known, false) }
    if index.count < limit {
      index[value] = clusters.count
      make(value)
      return (clusters.count - 1, true)
    }
    if let other { return (other, false) }
    makeOther()
    return (clusters.count - 1, true)
  }

  /// The name of a cluster, as its label says it.
  func name(_ cluster: Int) -> String {
    var row = SampleSet(sharing: arena)
    row.append(clusters[cluster].labelsRef, 0)
    return row.rows.first.flatMap { row.value(of: .cluster, in: $0) } ?? ""
  }

  /// Makes the cluster that takes the events of those beyond the limit.
  mutating func makeOther() {
    other = clusters.count
    make(Array("(other)".utf8))
  }

  mutating func expectNone() {
    for cluster in clusters.indices { setExpected(cluster, false) }
  }

  mutating func expect(_ cluster: Int) { setExpected(cluster, true) }

  mutating func make(_ value: [UInt8]) {
    hasDirty = true
    let labels = Self.labels(value)
    let ref = arena.append(labels)
    let stageRefs = Stage.allCases.map { arena.append(labels + Array(",audit_stage=\"\($0.label)\"".utf8)) }
    let classRefs = RequestClass.codeClassLabels.map { arena.append(labels + Array(",code_class=\"\($0)\"".utf8)) }
    precondition(stageRefs.count == Self.stageCount && classRefs.count == Self.classCount)
    clusters.append(Cluster(labels: labels, labelsRef: ref, stageRefs: stageRefs, classRefs: classRefs))
    stages.append(0, count: Self.stageCount)
    pending.append(Pending(), count: Self.classCount)
    heads.append(0, count: Self.classCount * windowCount)
  }
}
