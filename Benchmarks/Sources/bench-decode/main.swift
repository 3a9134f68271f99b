import AuditEvents
import Glibc

// bench-decode FILE [order|any] [dump]
//
// Decodes a file in blocks of 256 KiB, as the exporter does, and prints totals; with `dump`, one line of fields an
// event as well, for comparing with another decoder.

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  print("usage: bench-decode FILE [order|any] [dump]")
  exit(2)
}
var limits = AuditDecoder.Limits()
limits.speculatesOrder = !arguments.contains("any")
exit(run(path: arguments[1], limits: limits, dumps: arguments.contains("dump")))
