import FuzzSupport

/// A planted crash: a fuzzing run that does not find it proves nothing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = unsafe bytesOfInput(data, size)
  if bytes.count >= 4, bytes[0] == 0x7b, bytes[1] == 0x22, bytes[2] == 0x6b, bytes[3] == 0x21 {
    preconditionFailure("the canary was found")
  }
  return 0
}
