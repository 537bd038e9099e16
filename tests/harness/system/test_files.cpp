// Locks of directories as file systems really give them, or do not.
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>

#include "experiments/system/files.hpp"
#include "tests/support/program.hpp"

namespace {
int forced_error = 0;
}

// In the place of the system's: fails as told.
extern "C" int flock(int descriptor, int operation) noexcept {
    if (forced_error == 0) return static_cast<int>(syscall(SYS_flock, descriptor, operation));
    errno = forced_error;
    return -1;
}

using namespace bcbench;
using namespace bcbench::testing;

TEST_CASE("a directory that cannot be locked is told from one in use", "[files]") {
    const Scratch scratch;
    const auto fault = [&](int error) -> std::string {
        forced_error = error;
        try {
            const DirectoryLock lock(scratch.path());
        } catch (const FileError& thrown) {
            forced_error = 0;
            return thrown.what();
        }
        forced_error = 0;
        return "";
    };
    CHECK(fault(0).empty());
    CHECK(contains(fault(EWOULDBLOCK), "is in use by another run"));
    for (const int error : {ENOLCK, EOPNOTSUPP, ENOSYS}) {
        CHECK_FALSE(contains(fault(error), "in use"));
        CHECK(contains(fault(error), "cannot lock " + scratch.path() + ": " + std::strerror(error)));
    }
}
