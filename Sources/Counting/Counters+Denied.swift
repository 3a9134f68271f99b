internal import AuditEvents
internal import Crypto
internal import Metrics

extension Counters {
  /// Counts a 401 or 403: its series, its windows, and the user among those that were refused from the source IP.
  ///
  /// - Source: DESIGN.md, "Denied request", "Source IP", "Bounded family".
  mutating func countDenied(_ event: borrowing AuditEvent, _ cluster: Int, _ moment: borrowing Moment) {
    let moment = placed(moment, cluster)
    let reason = RequestClass.reason(event)
    let network = writeAddress(event.sourceIPs, cluster)
    writeUser(event)
    let refused = event.user.isEmpty ? 0 : user.hash(key: key)
    let isExempt = event.user.isEmpty ? true : event.user.equals("system:anonymous")
    writeDenied(event.code, reason.label, user, address, cluster)
    let hash = denied.table.hash(row.bytes)
    let place =
      denied.table.find(row.bytes, hash)
      ?? admitDenied(event.code, reason, isExempt: isExempt, network, cluster, hash)
    denied.bump(place, moment, in: &panes)
    if settings.keepsEvidence { keep(event, denial: place, reason, cluster) }
    if !event.user.isEmpty { countDistinct(refused, cluster, moment) }
  }

  /// The IPv6 network of a request, and whether its addresses are told apart.
  struct Network {
    var key: UInt64
    var isExact: Bool
  }

  /// Fills `address` with the source IP.
  @discardableResult
  mutating func writeAddress(_ entries: borrowing Text, _ cluster: Int) -> Network? {
    address.clear()
    switch source.find(in: entries) {
    case .nothing:
      address.append(literal: "(unknown)")
      return nil
    case .text(let range):
      if let pseudonyms {
        pseudonyms.read(entries, part: range, to: &content)
        pseudonyms.append(.address, content, to: &address)
      } else {
        values.append(entries, part: range, to: &address)
      }
      return nil
    case .address(let found, let range):
      guard !found.isIPv4 else {
        source.write(found, spelled: range, in: entries, to: &address)
        hideAddress(.address)
        return nil
      }
      let network = pseudonyms?.number(ofNetwork: found.network64) ?? found.network64
      let key = ownerKey(cluster, .network, network)
      let owner = denied.owners.find(key)
      let isFolded = owner != 0 && denied.owners.isFolded(owner)
      if isFolded { IPAddress.writeNetwork(found.network64, to: &address) } else { found.write(to: &address) }
      hideAddress(isFolded ? .network : .address)
      return Network(key: key, isExact: !isFolded)
    }
  }

  /// Puts a pseudonym in the place of what `address` holds, where names are not to be told.
  private mutating func hideAddress(_ kind: Pseudonyms.Kind) {
    guard let pseudonyms else { return }
    content = address.bytes
    address.clear()
    pseudonyms.append(kind, content, to: &address)
  }

  private mutating func writeDenied(
    _ code: UInt16, _ reason: StaticString, _ user: LabelBuffer, _ address: LabelBuffer, _ cluster: Int
  ) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(code: code)
    row.add(",reason=\"", reason)
    row.add(",user=\"", user)
    row.add(",source_ip=\"", address)
  }

  /// The series for a new (user, source IP): its own when both have a share left and the family has room.
  private mutating func admitDenied(
    _ code: UInt16, _ reason: DenialReason, isExempt: Bool, _ network: Network?, _ cluster: Int, _ hash: UInt32
  ) -> Int {
    let limits = settings.limits
    let kind = NumberShortcuts.key(cluster, code: code, reason: reason)
    let addressOwner = ownerKey(cluster, .address, address)
    let userOwner = ownerKey(cluster, .user, user)
    let isAddressOver = denied.owners.held(denied.owners.find(addressOwner)) >= limits.usersPerSourceIP
    let isUserOver = !isExempt && denied.owners.held(denied.owners.find(userOwner)) >= limits.sourceIPsPerUser
    if !isAddressOver, !isUserOver, !denied.isFull(cluster) {
      let place = denied.admit(row.bytes, hash, cluster: cluster, holds: true, kind: kind)
      denied.own(place, address: addressOwner)
      denied.own(place, user: userOwner)
      if let network { hold(place, network) }
      return place
    }
    denied.noteOverflow()
    Self.setOther(&other)
    if isAddressOver != isUserOver {
      writeDenied(code, reason.label, isAddressOver ? other : user, isUserOver ? other : address, cluster)
      let hash = denied.table.hash(row.bytes)
      if let place = denied.table.find(row.bytes, hash) { return place }
      if !denied.isFull(cluster) {
        let place = denied.admit(row.bytes, hash, cluster: cluster, kind: kind)
        if isAddressOver { denied.own(place, address: addressOwner) } else { denied.own(place, user: userOwner) }
        if isAddressOver, let network { denied.own(place, network: network.key, holds: false) }
        return place
      }
    }
    writeDenied(code, reason.label, other, other, cluster)
    return denied.overflowSeries(row.bytes, cluster: cluster)
  }

  /// Counts a series among those of its /64, and folds the network when it holds as many as one may.
  private mutating func hold(_ place: Int, _ network: Network) {
    denied.own(place, network: network.key, holds: network.isExact)
    let owner = denied.table.series[place].network
    if denied.owners.held(owner) >= settings.limits.seriesPerIPv6Network { denied.owners.fold(owner) }
  }

  private mutating func countDistinct(_ refused: UInt64, _ cluster: Int, _ moment: borrowing Moment) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",source_ip=\"", address)
    distinct.add(row.bytes, of: clusters.clusters[cluster].labels, cluster: cluster, user: refused, moment)
  }
}
