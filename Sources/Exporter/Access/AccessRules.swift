internal import Diagnostics

/// What one listener lets in: its web configuration file as it was read, or nothing where there is no file.
struct AccessRules: Sendable {
  var configuration = WebConfiguration()
  var context: TLSContext?
  var warnings: [String] = []

  /// Whether nobody gets through without a credential.
  var isAuthenticating: Bool {
    !configuration.users.isEmpty || context?.clients.certificates == .requiredAndVerified
  }

  /// Reads the file; an empty path is no file, and everybody is let in.
  ///
  /// - Parameter files: gets what was read or could not be.
  static func load(_ path: String, files: inout [String]) throws(Failures) -> AccessRules {
    guard !path.isEmpty else { return AccessRules() }
    var reader = WebConfigurationReader(file: path)
    defer { files += reader.files }
    let loaded = try reader.load()
    return AccessRules(configuration: loaded.configuration, context: loaded.context, warnings: loaded.warnings)
  }
}

/// The rules of both listeners, read and judged together.
struct ListenerRules: Sendable {
  var web = AccessRules()
  var push = AccessRules()
  /// Those of Firehose.
  var keys = AccessKeys()
  /// What is not as it should be with them.
  var keyWarnings: [String] = []
  /// Every file that was read.
  var files: [String] = []

  /// Reads the files that the settings name.
  ///
  /// - Errors: everything that is wrong with them, and with what the settings say about who may push.
  static func load(_ settings: Settings) throws(Failures) -> ListenerRules { try read(settings).rules.get() }

  /// The same, with the files that were looked at, also when something is wrong with them.
  static func read(_ settings: Settings) -> (rules: Result<ListenerRules, Failures>, files: [String]) {
    var rules = ListenerRules()
    var failures: [Failure] = []
    var files: [String] = []
    do throws(Failures) {
      rules.web = try AccessRules.load(settings.web.configFile, files: &files)
    } catch { failures += error.all }
    do throws(Failures) {
      rules.push = try AccessRules.load(settings.inputs.webhook.configFile, files: &files)
      failures += rules.pushFailures(settings) + rules.firehoseFailures(settings)
    } catch { failures += error.all }
    do throws(Failures) {
      rules.keys = try AccessKeys(settings.inputs.firehose, files: &files)
    } catch { failures += error.all }
    guard failures.isEmpty else { return (.failure(Failures(failures)), files) }
    rules.files = files
    rules.warn(settings)
    return (.success(rules), files)
  }

  private func pushFailures(_ settings: Settings) -> [Failure] {
    let webhook = settings.inputs.webhook
    guard !webhook.listenAddresses.isEmpty else { return [] }
    guard push.isAuthenticating else {
      if !webhook.writers.isEmpty {
        return [
          failure(
            "inputs.webhook.writers", "pushes are not authenticated, so nobody is known to be a writer",
            "Ask for passwords or certificates in the file of inputs.webhook.config_file, or remove the writers")
        ]
      }
      guard !webhook.isInsecure else { return [] }
      return settings.webhookAddresses.filter { !$0.isLoopback }.map {
        failure(
          settings.key(ofPushAddress: $0),
          "\($0) can be reached from other machines, and pushes are not authenticated",
          "Ask for passwords (basic_auth_users) or certificates (client_auth_type: RequireAndVerifyClientCert) in the file of "
            + "inputs.webhook.config_file, or listen on 127.0.0.1")
      }
    }
    guard !webhook.writers.isEmpty else {
      return [
        failure(
          "inputs.webhook.writers", "pushes are authenticated, and nobody may write to any cluster",
          "Write {user: NAME, clusters: [CLUSTER]}, or {certificate: NAME, clusters: [CLUSTER]}")
      ]
    }
    let certificates = push.context?.clients.certificates
    return webhook.writers.compactMap { writer in
      switch writer.credential {
      case .user(let name) where push.configuration.users[name] == nil:
        failure(
          "inputs.webhook.writers", "user \(name) is not in basic_auth_users", "Add it there, or remove the writer")
      case .certificate(let name) where certificates?.isVerified != true:
        failure(
          "inputs.webhook.writers", "certificate \(name) would prove nothing: client certificates are not verified",
          "Write client_auth_type: RequireAndVerifyClientCert, or remove the writer")
      default: nil
      }
    }
  }

  /// Firehose comes with an access key and nothing else.
  private func firehoseFailures(_ settings: Settings) -> [Failure] {
    let firehose = settings.inputs.firehose
    guard !firehose.listenAddresses.isEmpty else {
      guard !firehose.accessKeys.isEmpty else { return [] }
      return [
        failure(
          "inputs.firehose.access_keys", "there is no address to deliver to",
          "Write inputs.firehose.listen_addresses, or remove the keys")
      ]
    }
    var failures: [Failure] = []
    if firehose.accessKeys.isEmpty, !firehose.isInsecure {
      failures.append(
        failure(
          "inputs.firehose.listen_addresses", "Firehose is asked for no access key",
          "Name one in inputs.firehose.access_keys, or take deliveries from anybody with inputs.firehose.insecure: true"
        ))
    }
    if push.context?.clients.certificates.isRequired == true {
      failures.append(
        failure(
          "inputs.firehose.listen_addresses",
          "Firehose shows no client certificate, and the file of inputs.webhook.config_file demands one",
          "Ask for passwords there, or run another exporter for the webhook"))
    }
    return failures
  }

  private mutating func warn(_ settings: Settings) {
    func isPlain(_ rules: AccessRules, _ addresses: [ListenAddress]) -> Bool {
      rules.context == nil && !rules.configuration.users.isEmpty && addresses.contains { !$0.isLoopback }
    }
    let text = "passwords cross the network in the clear: add tls_server_config"
    if isPlain(web, settings.web.listenAddresses) { web.warnings.append(text) }
    if isPlain(push, settings.inputs.webhook.listenAddresses) { push.warnings.append(text) }
    keyWarnings = keys.warnings
    if push.context == nil, settings.inputs.firehose.listenAddresses.contains(where: { !$0.isLoopback }) {
      keyWarnings.append(
        "access keys cross the network in the clear: add tls_server_config to inputs.webhook.config_file, unless a load "
          + "balancer speaks TLS before it")
    }
  }

  private func failure(_ key: String, _ what: String, _ remedy: String) -> Failure {
    Failure(.setting, what, at: .setting(key: key, file: nil, line: nil), remedy: remedy)
  }
}
