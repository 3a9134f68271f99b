// The settings of `inputs.firehose`.
extension Schema {
  static let firehose: [Setting] = [
    Setting(
      "inputs.firehose.listen_addresses", \.inputs.firehose.listenAddresses,
      Shape<ListenAddress>.address.list("list of addresses", limit: 16), example: "[\":10404\"]",
      help:
        "Addresses to take deliveries of Amazon Data Firehose at, on /firehose (docs/eks.md). They make one listener with those "
        + "of the webhook: each takes both, with the TLS of `inputs.webhook.config_file`. Its passwords are not asked for here."
    ),
    Setting(
      "inputs.firehose.access_keys", \.inputs.firehose.accessKeys,
      Shape<Settings.Firehose.AccessKey>.accessKey.list("list of {file, …} or {environment, …}", limit: 64),
      isReloadable: true, example: "[{file: /etc/kube-audit-exporter/firehose.key, clusters: [prod]}]",
      fields: Shape<Settings.Firehose.AccessKey>.fields,
      help:
        "The access keys that Firehose may come with: several while one is replaced by another. A change of a file takes effect "
        + "by itself."),
    Setting(
      "inputs.firehose.insecure", \.inputs.firehose.isInsecure, .bool,
      help: "Take deliveries without an access key. Anybody who reaches the listener can then write events."),
    Setting(
      "inputs.firehose.cluster", \.inputs.firehose.cluster,
      ClusterName.shape.optional("the key's only cluster, else cluster.name"), example: "prod",
      help:
        "The cluster of records that name none. Those of CloudWatch Logs name theirs by the log group; a common attribute "
        + "`k8s_cluster` of the delivery stream names it too."),
  ]
}
