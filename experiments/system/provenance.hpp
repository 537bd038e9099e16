// What ran: program, build, libraries and machine, for the manifest.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bcbench {

/// {"version", "git_commit", "git_dirty", "hash"} of the program; `hash` is program_hash().
nlohmann::ordered_json program_provenance();

/// {"compiler", "flags", "armadillo", "blas"}: `blas` is what the linked library says of itself.
nlohmann::ordered_json build_provenance();

/// {"cpu", "cores", "memory_bytes", "os"} of this machine.
nlohmann::ordered_json machine_provenance();

/// Version of the program, as in `bcbench --version`.
std::string program_version();

/// What decides the numbers of this program: version, commit, compiler, flags, Armadillo, OpenBLAS with its kernel, the
/// vector units, and the executable's hash if it was built from changed or unknown sources.
const std::string& program_identity();

/// program_identity() as 16 hexadecimal digits: by it a reader tells which points an unfinished run has computed.
const std::string& program_hash();

/// The current time in UTC, ISO 8601, to the second.
std::string utc_now();

/// Largest resident size of the process so far.
std::uint64_t peak_rss_bytes();

/// Resident size of the process now.
std::uint64_t resident_bytes();

}  // namespace bcbench
