#include "experiments/system/provenance.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <hwy/targets.h>
#include <armadillo>
#include <chrono>
#include <ctime>
#include <fstream>
#include <thread>

#include "build_info.hpp"
#include "engine/linear/products.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

// Of a whole file, piece by piece: the program may be larger than its data.
std::uint64_t hash_of_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::uint64_t hash = fnv1a("");
    char block[1 << 16];
    while (stream) {
        stream.read(block, sizeof block);
        hash = fnv1a({block, static_cast<std::size_t>(stream.gcount())}, hash);
    }
    if (!stream.eof()) throw FileError("cannot read " + path);
    return hash;
}

std::string cpu_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.rfind("model name", 0) != 0) continue;
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

std::string os_name() {
    utsname name{};
    if (uname(&name) != 0) return "unknown";
    return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace

nlohmann::ordered_json program_provenance() {
    return {{"version", BCBENCH_VERSION},
            {"git_commit", BCBENCH_GIT_COMMIT},
            {"git_dirty", BCBENCH_GIT_DIRTY},
            {"hash", program_hash()}};
}

nlohmann::ordered_json build_provenance() {
    return {{"compiler", BCBENCH_COMPILER},
            {"flags", BCBENCH_FLAGS},
            {"armadillo", arma::arma_version::as_string()},
            {"blas", blas_description()}};
}

nlohmann::ordered_json machine_provenance() {
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
    return {{"cpu", cpu_name()},
            {"cores", std::thread::hardware_concurrency()},
            {"memory_bytes", pages * page_bytes},
            {"os", os_name()}};
}

std::string program_version() { return BCBENCH_VERSION; }

const std::string& program_identity() {
    static const std::string identity = [] {
        // other builds and other vector units add in another order
        std::string text = std::string(BCBENCH_VERSION) + " " + BCBENCH_GIT_COMMIT + " " + BCBENCH_COMPILER + " " +
                           BCBENCH_FLAGS + " " + arma::arma_version::as_string() + " " + blas_description() + " " +
                           std::to_string(hwy::SupportedTargets());
        if (BCBENCH_GIT_DIRTY || text.find("unknown") != std::string::npos) {
            text += " " + hex(hash_of_file("/proc/self/exe"));
        }
        return text;
    }();
    return identity;
}

const std::string& program_hash() {
    static const std::string hash = hex(fnv1a(program_identity()));
    return hash;
}

std::string utc_now() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::uint64_t peak_rss_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

std::uint64_t resident_bytes() {
    std::ifstream sizes("/proc/self/statm");
    std::uint64_t total_pages = 0;
    std::uint64_t resident_pages = 0;
    sizes >> total_pages >> resident_pages;
    return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
}

}  // namespace bcbench
