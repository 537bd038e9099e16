# The libraries, all from Debian packages (scripts/setup.sh installs them), as imported targets.
if(BCBENCH_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
endif()
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(HWY REQUIRED NAMES hwy HWY)
if(BCBENCH_STATIC)
  set_target_properties(hwy::hwy PROPERTIES IMPORTED_LOCATION_NONE ${BCBENCH_STATIC})
endif()

# Armadillo without its wrapper library: its headers alone, and OpenBLAS (BLAS and LAPACK) linked by name.
find_path(ARMADILLO_INCLUDE armadillo REQUIRED)
find_library(OPENBLAS_LIBRARY openblas REQUIRED)
add_library(bcbench_armadillo INTERFACE)
target_include_directories(bcbench_armadillo SYSTEM INTERFACE ${ARMADILLO_INCLUDE})
target_compile_definitions(bcbench_armadillo INTERFACE
  ARMA_DONT_USE_WRAPPER ARMA_DONT_USE_ARPACK ARMA_DONT_USE_SUPERLU ARMA_DONT_USE_HDF5 ARMA_DONT_USE_OPENMP
  ARMA_WARN_LEVEL=0 ARMA_USE_BLAS ARMA_USE_LAPACK)
target_link_libraries(bcbench_armadillo INTERFACE ${OPENBLAS_LIBRARY})
if(BCBENCH_STATIC)  # what the archive of OpenBLAS needs
  target_link_libraries(bcbench_armadillo INTERFACE -l:libgfortran.a -l:libquadmath.a)
endif()

# Random123 is headers only.
find_path(RANDOM123_INCLUDE Random123/threefry.h REQUIRED)
add_library(bcbench_random123 INTERFACE)
target_include_directories(bcbench_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE})

# Nettle for SHA-256 alone, linked statically.
find_path(NETTLE_INCLUDE nettle/sha2.h REQUIRED)
find_library(NETTLE_LIBRARY NAMES libnettle.a nettle REQUIRED)
add_library(bcbench_nettle INTERFACE)
target_include_directories(bcbench_nettle SYSTEM INTERFACE ${NETTLE_INCLUDE})
target_link_libraries(bcbench_nettle INTERFACE ${NETTLE_LIBRARY})

# HDF5 for .h5ad files, with its compressions. The static library: the shared one of Debian brings in libcurl and some
# thirty libraries behind it, 30 ms at every start of the program, for reading from object stores, which is not used.
find_path(HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial REQUIRED)
find_library(HDF5_LIBRARY NAMES libhdf5_serial.a libhdf5.a REQUIRED)
find_library(SZ_LIBRARY NAMES libsz.a sz REQUIRED)
find_library(AEC_LIBRARY NAMES libaec.a aec REQUIRED)
find_path(LZF_INCLUDE liblzf/lzf.h REQUIRED)
find_library(LZF_LIBRARY lzf REQUIRED)
find_path(ZSTD_INCLUDE zstd.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
add_library(bcbench_hdf5 INTERFACE)
target_include_directories(bcbench_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE} ${LZF_INCLUDE} ${ZSTD_INCLUDE})
target_link_libraries(bcbench_hdf5 INTERFACE ${HDF5_LIBRARY} ${SZ_LIBRARY} ${AEC_LIBRARY} ${LZF_LIBRARY} ${ZSTD_LIBRARY}
                      ZLIB::ZLIB ${CMAKE_DL_LIBS})
