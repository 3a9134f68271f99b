import Exporter
import Glibc

exit(Exporter.run(arguments: Array(CommandLine.arguments.dropFirst())))
