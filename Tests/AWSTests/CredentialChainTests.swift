import Concurrency
import Diagnostics
import Glibc
import Testing

@testable import AWS

/// Where credentials come from, from variables and files alone.
struct CredentialChainTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    var variables: [String: String] = [:]
    var config = ""
    var credentials = ""
    var source: CredentialSource?
    /// Of an error: the reason, and a word of the sentence.
    var fault: (reason: String, word: String)?
    var testDescription: String { name }
  }

  private static let keys = Credentials(accessKeyID: "AKID", secretKey: "secret")
  private static let session = Credentials(accessKeyID: "AKID", secretKey: "secret", sessionToken: "token")
  private static let own = "kube-audit-exporter"
  private static let staticKeys = "aws_access_key_id = AKID\naws_secret_access_key=secret\n"

  static let rows: [Row] = [
    Row(name: "nothing leads to the instance", source: .instance),
    Row(
      name: "keys", variables: ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"],
      source: .keys(keys, link: .environment)),
    Row(
      name: "keys with a token, before everything else",
      variables: [
        "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
        "AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_PROFILE": "missing",
      ], source: .keys(session, link: .environment)),
    Row(
      name: "half the keys", variables: ["AWS_ACCESS_KEY_ID": "AKID"],
      fault: ("credentials_environment", "AWS_SECRET_ACCESS_KEY is not")),
    Row(
      name: "the other half", variables: ["AWS_SECRET_ACCESS_KEY": "x"],
      fault: ("credentials_environment", "AWS_ACCESS_KEY_ID is not")),
    Row(
      name: "empty is not set", variables: ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""], source: .instance),
    Row(
      name: "IRSA", variables: ["AWS_ROLE_ARN": "arn:r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"],
      source: .webIdentity(WebIdentity(roleARN: "arn:r", tokenFile: "/t", sessionName: own))),
    Row(
      name: "IRSA before a profile",
      variables: [
        "AWS_ROLE_ARN": "arn:r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_SESSION_NAME": "s", "AWS_PROFILE": "a",
      ], config: "[profile a]\nrole_arn = x\n",
      source: .webIdentity(WebIdentity(roleARN: "arn:r", tokenFile: "/t", sessionName: "s"))),
    Row(
      name: "a token without a role", variables: ["AWS_WEB_IDENTITY_TOKEN_FILE": "/t"],
      fault: ("credentials_web_identity", "AWS_ROLE_ARN is not set")),
    Row(
      name: "the default profile of the credentials file", credentials: "[default]\n" + staticKeys,
      source: .keys(keys, link: .profile)),
    Row(
      name: "the credentials file wins",
      config: "[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\nregion = x\n",
      credentials: "# mine\r\n[default]\r\n" + staticKeys.replacing("\n", with: "\r\n"),
      source: .keys(keys, link: .profile)),
    Row(
      name: "[profile default] wins over [default]",
      config: "[profile default]\n\(staticKeys)\n[default]\naws_access_key_id = OTHER\naws_secret_access_key = o\n",
      source: .keys(keys, link: .profile)),
    Row(
      name: "in the config file a profile is called so", variables: ["AWS_PROFILE": "a"], config: "[a]\n" + staticKeys,
      fault: ("credentials_profile", "there is no profile a")),
    Row(
      name: "a default profile without credentials is passed over", config: "[default]\nregion = eu-west-1\n",
      source: .instance),
    Row(
      name: "one that was named is not", variables: ["AWS_PROFILE": "a"], config: "[profile a]\nregion = x\n",
      fault: ("credentials_profile", "holds no credentials")),
    Row(
      name: "half the keys of a profile", credentials: "[default]\naws_access_key_id = AKID\n",
      fault: ("credentials_profile", "only one of")),
    Row(
      name: "a role", variables: ["AWS_PROFILE": "a"],
      config: """
        [profile a]
        role_arn = arn:a   # the reader
        source_profile = base
        external_id = word;1
        role_session_name = me
        duration_seconds = 900
        s3 =
          addressing_style = path
        """, credentials: "[base]\n" + staticKeys,
      source: .role(
        AssumedRole(roleARN: "arn:a", externalID: "word;1", sessionName: "me", durationSeconds: 900),
        base: .keys(keys, link: .profile))),
    Row(
      name: "a chain of roles", variables: ["AWS_PROFILE": "a"],
      config: "[profile a]\nrole_arn=1\nsource_profile=b\n[profile b]\nrole_arn=2\nsource_profile=c\n",
      credentials: "[c]\n" + staticKeys,
      source: .role(
        AssumedRole(roleARN: "1"), base: .role(AssumedRole(roleARN: "2"), base: .keys(keys, link: .profile)))),
    Row(
      name: "a profile that is its own source", variables: ["AWS_PROFILE": "a"],
      config: "[profile a]\nrole_arn=1\nsource_profile=a\n" + staticKeys,
      source: .role(AssumedRole(roleARN: "1"), base: .keys(keys, link: .profile))),
    Row(
      name: "a circle", variables: ["AWS_PROFILE": "a"],
      config: "[profile a]\nrole_arn=1\nsource_profile=b\n[profile b]\nrole_arn=2\nsource_profile=a\n",
      fault: ("credentials_profile", "a → b → a")),
    Row(
      name: "a long chain", variables: ["AWS_PROFILE": "0"],
      config: (0..<20).map { "[profile \($0)]\nrole_arn=r\nsource_profile=\($0 + 1)\n" }.joined(),
      fault: ("credentials_profile", "behind 8 others")),
    Row(
      name: "a source that is missing", config: "[default]\nrole_arn=1\nsource_profile=b\n",
      fault: ("credentials_profile", "there is no profile b")),
    Row(name: "no source", config: "[default]\nrole_arn=1\n", fault: ("credentials_profile", "no source")),
    Row(
      name: "two sources", config: "[default]\nrole_arn=1\nsource_profile=b\ncredential_source=Environment\n",
      fault: ("credentials_profile", "both")),
    Row(
      name: "the instance as source", config: "[default]\nrole_arn=1\ncredential_source=Ec2InstanceMetadata\n",
      source: .role(AssumedRole(roleARN: "1"), base: .instance)),
    Row(
      name: "a container as source", variables: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"],
      config: "[default]\nrole_arn=1\ncredential_source=EcsContainer\n",
      source: .role(
        AssumedRole(roleARN: "1"),
        base: .container(ContainerEndpoint(url: "http://169.254.170.2/x", authorization: .none)))),
    Row(
      name: "no such source", config: "[default]\nrole_arn=1\ncredential_source=Elsewhere\n",
      fault: ("credentials_profile", "Elsewhere")),
    Row(
      name: "a one-time password", config: "[default]\nrole_arn=1\nsource_profile=b\nmfa_serial=x\n",
      fault: ("credentials_profile", "mfa_serial")),
    Row(
      name: "no duration", config: "[default]\nrole_arn=1\ncredential_source=Environment\nduration_seconds=60\n",
      fault: ("credentials_profile", "900 to 43200")),
    Row(
      name: "a profile's web identity", config: "[default]\nrole_arn=1\nweb_identity_token_file=/t\n",
      source: .webIdentity(WebIdentity(roleARN: "1", tokenFile: "/t", sessionName: own))),
    Row(
      name: "what is not supported says so", config: "[default]\nsso_session = x\n",
      fault: ("credentials_profile", "single sign-on")),
    Row(
      name: "a program", config: "[default]\ncredential_process = /bin/x\n",
      fault: ("credentials_profile", "credential_process")),
    Row(name: "no INI", config: "{}\n", fault: ("credentials_profile", "neither a section")),
    Row(name: "a key before the sections", config: "a = b\n", fault: ("credentials_profile", "before the first")),
    Row(name: "a section that is open", config: "[default\n", fault: ("credentials_profile", "without `]`")),
    Row(
      name: "Pod Identity",
      variables: [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other",
      ],
      source: .container(
        ContainerEndpoint(url: "http://169.254.170.23/v1/credentials", authorization: .file("/token")))),
    Row(
      name: "a container's value",
      variables: [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8080/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic x",
      ],
      source: .container(ContainerEndpoint(url: "http://127.0.0.1:8080/x", authorization: .value("Basic x")))),
    Row(
      name: "a container elsewhere", variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"],
      fault: ("credentials_container", "example.com")),
    Row(
      name: "nor what only begins so",
      variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/x"],
      fault: ("credentials_container", "127.0.0.1.example.com")),
    Row(
      name: "nor who only seems so",
      variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost@example.com/x"],
      fault: ("credentials_container", "example.com")),
    Row(
      name: "https goes anywhere", variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://example.com/x"],
      source: .container(ContainerEndpoint(url: "https://example.com/x", authorization: .none))),
    Row(
      name: "no instance", variables: ["AWS_EC2_METADATA_DISABLED": "TRUE"],
      fault: ("credentials_instance", "AWS_EC2_METADATA_DISABLED")),
    Row(
      name: "a file that was named and is not there", variables: ["AWS_CONFIG_FILE": "/nowhere"],
      fault: ("credentials_profile", "No such file")),
  ]

  private static func environment(_ row: Row) -> ProcessEnvironment {
    let files = ["/home/u/.aws/config": row.config, "/home/u/.aws/credentials": row.credentials]
    return ProcessEnvironment(row.variables.merging(["HOME": "/home/u"]) { own, _ in own }) {
      (path) throws(SystemError) in
      guard let text = files[path], !text.isEmpty else { throw SystemError(code: ENOENT) }
      return Array(text.utf8)
    }
  }

  @Test(arguments: rows) func theFirstLinkThatIsConfiguredCounts(row: Row) {
    do throws(Failure) {
      let source = try CredentialChain(Self.environment(row)).source()
      #expect(source == row.source)
    } catch {
      #expect(error.reason.label == row.fault?.reason, "\(error)")
      #expect(row.fault.map { "\(error.what) \(error.remedy)".contains($0.word) } == true, "\(error)")
      #expect(!error.remedy.isEmpty && !"\(error)".contains("secret\""), "\(error)")
    }
  }

  @Test func regionsComeFromTheEnvironmentOrTheProfile() throws {
    let config = "[default]\nregion = eu-west-1\n[profile a]\nregion = eu-west-2\n"
    func region(_ variables: [String: String]) throws -> String? {
      try CredentialChain(Self.environment(Row(name: "", variables: variables, config: config))).region
    }
    #expect(try region([:]) == "eu-west-1")
    #expect(try region(["AWS_PROFILE": "a"]) == "eu-west-2")
    #expect(try region(["AWS_DEFAULT_REGION": "us-east-1"]) == "us-east-1")
    #expect(try region(["AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-2"]) == "us-east-2")
  }

  @Test(
    arguments: [
      ("eu-west-1", [:], "https://logs.eu-west-1.amazonaws.com"),
      ("cn-north-1", [:], "https://logs.cn-north-1.amazonaws.com.cn"),
      ("us-gov-west-1", [:], "https://logs.us-gov-west-1.amazonaws.com"),
      ("eusc-de-east-1", [:], "https://logs.eusc-de-east-1.amazonaws.eu"),
      ("x", ["AWS_ENDPOINT_URL": "http://h:1/"], "http://h:1"),
      ("x", ["AWS_ENDPOINT_URL": "http://h:1", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://h:2"], "http://h:2"),
      ("eu-west-1", ["AWS_ENDPOINT_URL_EKS": "http://h:2"], "https://logs.eu-west-1.amazonaws.com"),
      (
        "eu-west-1", ["AWS_ENDPOINT_URL": "http://h:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"],
        "https://logs.eu-west-1.amazonaws.com"
      ),
    ] as [(String, [String: String], String)])
  func endpointsFollowTheEnvironment(region: String, variables: [String: String], url: String) {
    let environment = Self.environment(Row(name: "", variables: variables))
    #expect(AWSService.cloudWatchLogs.endpoint(region: region, environment) == url)
  }

  /// What is printed by accident says nothing.
  @Test func secretsAreNotPrinted() {
    let text =
      "\(Self.session) \(String(reflecting: Self.session)) \(CredentialSource.keys(Self.session, link: .profile))"
    var dumped = ""
    dump(Self.session, to: &dumped)
    #expect(!(text + dumped).contains("secret") && !(text + dumped).contains("token"))
  }
}
