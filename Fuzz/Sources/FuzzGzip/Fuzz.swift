import Compression
import FuzzSupport

/// Undoes gzip fed in pieces of `size` bytes.
func decompress(_ bytes: [UInt8], in size: Int, limit: Int) throws(Gzip.Failure) -> [UInt8] {
  var result: [UInt8] = []
  var inflater = Inflater(limit: limit)
  var rest = bytes[...]
  while !rest.isEmpty {
    let piece = Array(rest.prefix(size))
    rest = rest.dropFirst(size)
    try unsafe piece.span.withUnsafeBytes { raw throws(Gzip.Failure) in
      try unsafe inflater.feed(raw) { out in
        unsafe result.append(contentsOf: out)
        return true
      }
    }
  }
  try inflater.finish()
  return result
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = unsafe bytesOfInput(data, size)
  let limit = 1 << 20
  // However it is fed, the same comes out; of two failures either may be seen first.
  let whole = Result { () throws(Gzip.Failure) in try Gzip.decompress(bytes, limit: limit) }
  let pieces = Result { () throws(Gzip.Failure) in try decompress(bytes, in: 1 + size % 7, limit: limit) }
  switch (whole, pieces) {
  case (.success(let a), .success(let b)): precondition(a == b && a.count <= limit, "pieces give something else")
  case (.failure(let a), .failure(let b)): precondition(a == b, "pieces fail otherwise")
  default: preconditionFailure("pieces fail, or the whole does")
  }
  let again = Result { () throws(Gzip.Failure) in try Gzip.decompress(Gzip.compress(bytes), limit: limit) }
  guard case .success(bytes) = again else { preconditionFailure("what was compressed does not come back") }
  return 0
}
