/// Which clusters each sender may write events of.
struct PushRights: Sendable, Equatable {
  private var clusters: [Settings.Webhook.Credential: Set<String>] = [:]
  private let keys: AccessKeys

  init(_ writers: [Settings.Webhook.Writer], keys: AccessKeys = AccessKeys()) {
    self.keys = keys
    for writer in writers { clusters[writer.credential, default: []].formUnion(writer.clusters) }
  }

  /// Nil for every cluster: nobody is asked who they are. Names that were proven add up.
  func clusters(of sender: Sender?) -> Set<String>? {
    guard let sender else { return nil }
    var credentials = sender.certificateNames.map { Settings.Webhook.Credential.certificate($0) }
    if let user = sender.user { credentials.append(.user(user)) }
    return credentials.reduce(into: []) { all, credential in all.formUnion(clusters[credential] ?? []) }
  }

  /// The same for whoever shows an access key.
  func judge(accessKey: String?) -> AccessKeys.Verdict { keys.judge(accessKey) }
}
