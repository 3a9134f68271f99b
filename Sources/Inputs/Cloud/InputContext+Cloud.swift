internal import AWS
internal import AuditEvents
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Transport

extension InputContext {
  /// Begins to show how an input from AWS is doing, with one scope for each of its places, and says now what is missing on
  /// this machine. Answers where the process' own credentials come from.
  ///
  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  func beginCloud(
    _ places: [AWSPlace], counting reasons: [Failure.Reason], _ service: AWSService, _ operations: [String]
  ) throws(Failure) -> CredentialSource {
    let environment = ProcessEnvironment.current()
    let base = try CredentialChain(environment).source()
    _ = try AWSSession.make(environment, policy: calls, stop: stop)
    status.begin(counting: reasons)
    status.update { snapshot in
      snapshot.scopes = places.map { InputStatus.CloudScope(account: $0.account, region: $0.region) }
    }
    for region in Set(places.map(\.region)) {
      for operation in operations {
        calls.counts.begin(CallName(service: service.name, operation: operation, region: region))
      }
    }
    return base
  }

  /// Hands a batch in, waiting for room for its bytes. False when the process stops.
  ///
  /// - Parameter make: makes the content, once there is room for `count` bytes of it.
  func hand(
    _ count: Int, cluster: String, stream: UInt64, sourceBytes: Int, positions: [PositionChange],
    _ make: () -> ByteBuffer
  ) -> Bool {
    hand(
      count, cluster: cluster, shape: .stream(id: stream), naming: ClusterNaming(), sourceBytes: sourceBytes,
      positions: positions, make)
  }

  /// The same for content of any shape.
  func hand(
    _ count: Int, cluster: String, shape: Batch.Shape, naming: ClusterNaming, sourceBytes: Int,
    positions: [PositionChange], _ make: () -> ByteBuffer
  ) -> Bool {
    while !queue.reserve(count, waitingMilliseconds: 100) { if stop.isRaised { return false } }
    let batch = Batch(
      input: index, cluster: cluster, arrival: clock.now, shape: shape, bytes: make(),
      reservedBytes: count, sourceBytes: sourceBytes, naming: naming, positions: positions)
    if queue.put(batch) { return true }
    queue.release(count)
    return false
  }
}
