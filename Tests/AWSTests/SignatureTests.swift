import Crypto
import TestSupport
import Testing
import Transport

@testable import AWS

/// Signatures against the vectors of the AWS SDKs' C library, vectors of botocore, and botocore itself.
struct SignatureTests {
  private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
  /// 2026-01-02T03:04:05Z.
  private static let moment: Int64 = 1_767_323_045

  private static func signer() throws -> SignatureV4 {
    SignatureV4(try #require(SHA256.load(), "libcrypto.so.3 is missing; install the Debian package libssl3"))
  }

  @Test func publicVectors() throws {
    let document = try JSON.parse(Files.read(Files.beside("signature_vectors.json")))
    let vectors = try #require(document["vectors"]?.array)
    #expect(vectors.count == 38)
    let keys = Credentials(
      accessKeyID: try #require(document["accessKeyID"]?.string), secretKey: try #require(document["secretKey"]?.string)
    )
    let scope = SignatureV4.Scope(region: "us-east-1", service: "service")
    for vector in vectors {
      func text(_ key: String) throws -> String { try #require(vector[key]?.string) }
      var request = HTTPRequest(try text("method"), "https://example.amazonaws.com" + (try text("target")))
      request.headers = try #require(vector["headers"]?.array).map { Header($0[0]?.string ?? "", $0[1]?.string ?? "") }
      request.body = Array(try text("body").utf8)
      let parts = try Self.signer().parts(
        of: request, keys, scope, normalizes: vector["normalizes"] != .bool(false))
      let name = try text("name")
      #expect(parts.canonicalRequest == (try text("canonicalRequest")), "\(name)")
      #expect(parts.stringToSign == (try text("stringToSign")), "\(name)")
      #expect(parts.signature == (try text("signature")), "\(name)")
    }
  }

  /// What this project sends, signed by botocore 1.43.11.
  @Test(
    arguments: [
      ("logs", nil, "b5334eef9f8cbc7e21e612ca6fb1361c7b85920d27d74ae9e27c67bbc196ef39"),
      ("logs", "SESSIONTOKENexample/+=", "4554e4a238419b8002f5a73e789ebf4321fd5818b1a9a9707a9c08742d738cf7"),
      (
        "/clusters?maxResults=100&nextToken=a%2Fb%3D%3D", nil,
        "bad664a18fd5b6c46474efd7060cf83e52b979687283c06dfd0aa43963793cbf"
      ),
      ("/clusters/my%20cluster", nil, "696d9f1b636f68fcfb11ee06934b64156f7c688fe4b157a9d78cb30dff379e9f"),
    ] as [(String, String?, String)])
  func ownRequests(what: String, token: String?, signature: String) throws {
    var request: HTTPRequest
    let scope: SignatureV4.Scope
    if what == "logs" {
      request = HTTPRequest(
        "POST", "https://logs.us-east-1.amazonaws.com/",
        headers: [
          Header("Content-Type", "application/x-amz-json-1.1"), Header("X-Amz-Target", "Logs_20140328.FilterLogEvents"),
        ], body: Array(#"{"logGroupName":"/aws/eks/prod/cluster","limit":10}"#.utf8))
      scope = SignatureV4.Scope(region: "us-east-1", service: "logs")
    } else {
      request = HTTPRequest("GET", "https://eks.eu-west-1.amazonaws.com" + what)
      scope = SignatureV4.Scope(region: "eu-west-1", service: "eks")
    }
    let keys = Credentials(accessKeyID: "AKIDEXAMPLE", secretKey: Self.secret, sessionToken: token)
    try Self.signer().sign(&request, keys, scope, at: Self.moment * 1_000_000)
    #expect(request.headers.last?.name == "Authorization")
    #expect(request.headers.last?.value.hasSuffix("Signature=" + signature) == true)
  }

  /// Random requests of the kind that are sent: paths and queries encoded, headers and bodies of anything.
  @Test func sameAsBotocore() throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    let count = Campaign.size("signatures", short: 500)
    var lines: [String] = []
    var own: [String] = []
    for _ in 0..<count {
      var request = HTTPRequest(random.pick(["GET", "POST", "PUT"]), Self.url(&random))
      request.body = request.method == "GET" ? [] : random.bytes(random.below(300))
      for n in 0..<random.below(4) {
        // HTTP heads are ASCII here; white space at the ends and within is folded.
        request.headers.append(Header("X-\(random.pick(["a", "B", "Zz"]))-\(n)", Self.headerValue(&random)))
      }
      let token = random.oneIn(2) ? String(decoding: random.bytes(40, in: 0x21...0x7e), as: UTF8.self) : nil
      let scope = SignatureV4.Scope(
        region: random.pick(["eu-west-1", "us-gov-east-1"]), service: random.pick(["logs", "eks", "sts"]))
      let seconds = Self.moment + Int64(random.below(1_000_000_000))
      let key = String(decoding: random.bytes(40, in: 0x21...0x7e), as: UTF8.self)
      lines.append(Self.line(request, scope, seconds, key: key, token: token))
      try Self.signer().sign(
        &request, Credentials(accessKeyID: "AKID", secretKey: key, sessionToken: token), scope, at: seconds * 1_000_000)
      own.append(request.headers.last?.value ?? "")
    }
    let theirs = try Tool.python("sign_with_botocore.py", input: lines.joined(separator: "\n") + "\n")
      .split(separator: "\n").map { try JSON.parse(String($0))[0]?.string ?? "" }
    #expect(theirs.count == count)
    for (index, pair) in zip(own, theirs).enumerated() where pair.0 != pair.1 {
      Issue.record("\(lines[index])\nown      \(pair.0)\nbotocore \(pair.1)")
      break
    }
    Campaign.report(
      "signatures", "\(count) random requests, \(zip(own, theirs).count { $0 != $1 }) differ from botocore's")
  }

  private static func url(_ random: inout SplitMix64) -> String {
    func word(_ random: inout SplitMix64) -> String {
      let scalars = (0..<random.below(8)).map { _ in
        Unicode.Scalar(UInt32(random.oneIn(4) ? random.pick(0xa0...0x7ff) : random.pick(0x20...0x7e))) ?? "x"
      }
      return URLParts.encoded(String(String.UnicodeScalarView(scalars)))
    }
    let host = random.pick(["logs.eu-west-1.amazonaws.com", "127.0.0.1:4566", "h:443"])
    var url = (host == "h:443" ? "https://" : "http://") + host + "/"
    let segments = (0..<random.below(4)).map { _ in word(&random) }.filter { ![".", ".."].contains($0) && !$0.isEmpty }
    url += segments.joined(separator: "/") + (random.oneIn(4) && !segments.isEmpty ? "/" : "")
    let pairs = (0..<random.below(5)).map { _ in random.pick(["a", "b", word(&random) + "k"]) + "=" + word(&random) }
    return url + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
  }

  private static func headerValue(_ random: inout SplitMix64) -> String {
    random.pick(["", " ", "a  b", "x"])
      + String(decoding: random.bytes(random.below(12), in: 0x20...0x7e), as: UTF8.self)
  }

  private static func line(
    _ request: HTTPRequest, _ scope: SignatureV4.Scope, _ seconds: Int64, key: String, token: String?
  ) -> String {
    let headers = request.headers.map { "[\(quoted($0.name)),\(quoted($0.value))]" }.joined(separator: ",")
    let body = String(String.UnicodeScalarView(request.body.map { Unicode.Scalar($0) }))
    return "{\"time\":\(seconds),\"method\":\(quoted(request.method)),\"url\":\(quoted(request.url)),"
      + "\"body\":\(quoted(body)),\"headers\":[\(headers)],\"id\":\"AKID\",\"key\":\(quoted(key)),"
      + "\"service\":\(quoted(scope.service)),\"region\":\(quoted(scope.region))"
      + (token.map { ",\"token\":\(quoted($0))" } ?? "") + "}"
  }

  private static func quoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.map { scalar in
        let digits = String(scalar.value, radix: 16)
        return scalar == "\"" || scalar == "\\" || scalar.value < 0x20 || scalar.value > 0x7e
          ? "\\u" + String(repeating: "0", count: 4 - digits.count) + digits : String(scalar)
      }.joined() + "\""
  }
}
