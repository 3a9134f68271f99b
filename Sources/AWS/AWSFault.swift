internal import Diagnostics
internal import Transport

/// What an AWS service says when it refuses: its code, and what kind of refusal that is.
struct AWSFault: Equatable {
  /// `ResourceNotFoundException`; empty when the answer names none.
  let code: String
  private let message: String
  private let status: Int

  /// The longest part of a service's sentence that is shown.
  private static let textBytesLimit = 400

  /// Reads an answer that is no success: JSON services, REST services and the XML of STS and EC2.
  init(_ answer: HTTPAnswer) {
    status = answer.status
    var code = answer.header("x-amzn-errortype")
    var message = ""
    if let elements = answer.body.first == UInt8(ascii: "<") ? XMLText.elements(answer.body) : nil {
      let prefixes = ["ErrorResponse/Error/", "Response/Errors/Error/"]
      let prefix = prefixes.first { elements[$0 + "Code"] != nil } ?? "Error/"
      code = elements[prefix + "Code"] ?? code
      message = elements[prefix + "Message"] ?? ""
    } else if let object = try? Self.object(answer.body) {
      code = code ?? object["__type"] ?? object["code"] ?? object["Code"]
      message = object["message"] ?? object["Message"] ?? ""
    }
    // `namespace#Code:url`.
    let word = (code ?? "").prefix { $0 != ":" }
    self.code = SafeText.escaped(String(word.split(separator: "#").last ?? ""), limitBytes: 100)
    self.message = message
  }

  /// For people. A faulty signature is answered with the request that was signed, its session token included: that is
  /// left out.
  var text: String {
    let name = code.isEmpty ? "status \(status)" : code
    guard !message.isEmpty, !Self.clockCodes.contains(code) else { return name }
    return name + ": " + SafeText.escaped(message, limitBytes: Self.textBytesLimit)
  }

  /// What it counts as, and whether to try again.
  var outcome: CallOutcome {
    if Self.throttleCodes.contains(code) || status == 429 { return .throttled }
    if status >= 500 { return .serverError }
    if status == 401 || status == 403 || isExpired || isAboutTheClock || code.hasPrefix("AccessDenied")
      || Self.deniedCodes.contains(code)
    {
      return .denied
    }
    return Self.transientCodes.contains(code) ? .serverError : .refused
  }

  /// The credentials have run out.
  var isExpired: Bool { ["ExpiredToken", "ExpiredTokenException"].contains(code) }

  /// The time of the signature may be at fault.
  var isAboutTheClock: Bool { Self.clockCodes.contains(code) }

  // - Source: botocore's data/_retry.json and retries/standard.py.
  private static let throttleCodes: Set = [
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
    "TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
    "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown",
    "PriorRequestNotComplete", "EC2ThrottledException",
  ]
  private static let transientCodes: Set = [
    "RequestTimeout", "RequestTimeoutException", "IDPCommunicationError", "ServiceUnavailableException",
    "InternalFailure", "ServerException",
  ]
  private static let deniedCodes: Set = [
    "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException", "OptInRequired",
    "InvalidIdentityToken", "IDPRejectedClaim", "AuthFailure",
  ]
  private static let clockCodes: Set = [
    "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "SignatureDoesNotMatch",
    "InvalidSignatureException",
  ]

  /// The texts of an object's members.
  private static func object(_ bytes: [UInt8]) throws(JSONReader.Malformed) -> [String: String] {
    try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
      var members: [String: String] = [:]
      try reader.object { (key, reader) throws(JSONReader.Malformed) in
        if ["__type", "code", "Code", "message", "Message"].contains(key) {
          members[key] = try reader.optionalString()
        } else {
          try reader.skip()
        }
      }
      return members
    }
  }
}
