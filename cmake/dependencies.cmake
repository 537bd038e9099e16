# The libraries, all from Debian packages (scripts/setup.sh installs them), as imported targets.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(HWY REQUIRED NAMES hwy HWY)

# Armadillo without its wrapper library: its headers alone, and OpenBLAS (BLAS and LAPACK) linked by name.
find_path(ARMADILLO_INCLUDE armadillo REQUIRED)
find_library(OPENBLAS_LIBRARY openblas REQUIRED)
add_library(bcbench_armadillo INTERFACE)
target_include_directories(bcbench_armadillo SYSTEM INTERFACE ${ARMADILLO_INCLUDE})
target_compile_definitions(bcbench_armadillo INTERFACE
  ARMA_DONT_USE_WRAPPER ARMA_DONT_USE_ARPACK ARMA_DONT_USE_SUPERLU ARMA_DONT_USE_HDF5 ARMA_DONT_USE_OPENMP
  ARMA_WARN_LEVEL=0 ARMA_USE_BLAS ARMA_USE_LAPACK)
target_link_libraries(bcbench_armadillo INTERFACE ${OPENBLAS_LIBRARY})

# Random123 is headers only.
find_path(RANDOM123_INCLUDE Random123/threefry.h REQUIRED)
add_library(bcbench_random123 INTERFACE)
target_include_directories(bcbench_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE})
