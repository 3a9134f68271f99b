import Concurrency
import Glibc
import TestSupport
import Transport

/// Tests/Tools/http_server.py, running.
final class Server {
  private let process: RunningProcess
  let port: Int

  /// - Parameter tls: paths of a certificate and its key.
  init(tls: (String, String)? = nil) throws {
    // Requests for this machine go straight, whatever the environment of the tests says; one test asks for the proxy.
    Self.proxies
    let tool = Files.beside("../Tools/http_server.py")
    process = try RunningProcess(["python3", tool] + (tls.map { ["--tls", $0.0, $0.1] } ?? []))
    port = try process.wait(for: "a port") { [process] in
      process.outputText.split(separator: "\n").first.flatMap { Int($0) }
    }
  }

  func url(_ path: String, scheme: String = "http", host: String = "127.0.0.1") -> String {
    "\(scheme)://\(host):\(port)\(path)"
  }

  private static let proxies: Void = {
    // What others start while these are changed is not to know of it.
    _ = Process.variables
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] { unsafe unsetenv(name) }
    unsafe setenv("no_proxy", "127.0.0.1,localhost", 1)
  }()
}

extension HTTPClient {
  /// The kind of fault that a request ends in; nil when there is an answer.
  func fault(_ request: HTTPRequest) -> TransferFault.Kind? {
    do throws(TransferFault) {
      _ = try send(request)
      return nil
    } catch { return error.kind }
  }
}
