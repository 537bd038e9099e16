# The engine: a library of its own, used by the program and installed as bcbench::engine.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

file(GLOB_RECURSE engine_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/*.cpp)
add_library(bcbench_engine STATIC ${engine_sources})
add_library(bcbench::engine ALIAS bcbench_engine)
set_target_properties(bcbench_engine PROPERTIES EXPORT_NAME engine POSITION_INDEPENDENT_CODE ON)
target_compile_features(bcbench_engine PUBLIC cxx_std_20)
target_include_directories(bcbench_engine PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                 $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# without it a root is a call that may set errno, and a loop of roots cannot use vectors
set_source_files_properties(${PROJECT_SOURCE_DIR}/engine/training/update_rules.cpp PROPERTIES
                            COMPILE_OPTIONS -fno-math-errno SKIP_PRECOMPILE_HEADERS ON)
# Armadillo's macros are part of the library's interface: they travel with the target. Boost, Random123, zlib and our
# own flags do not.
target_link_libraries(bcbench_engine PUBLIC bcbench_armadillo Threads::Threads
                      PRIVATE $<BUILD_INTERFACE:bcbench_flags> $<BUILD_INTERFACE:bcbench_random123>
                              $<BUILD_INTERFACE:Boost::headers> hwy::hwy ZLIB::ZLIB)
target_precompile_headers(bcbench_engine PRIVATE <armadillo> ${standard_headers})
if(BCBENCH_FUZZ)  # a kernel is compiled once per instruction set, slowly under sanitizers: three kinds of six show what there is
  target_compile_definitions(bcbench_engine PRIVATE "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX3)")
endif()

# The headers a user of the library includes, as <bcbench/methods/harmony/method.hpp>, and those that these include.
set(public_headers
  core/check.hpp            # errors
  core/large_array.hpp
  core/parallel.hpp         # threads
  core/random.hpp           # streams of random numbers
  core/types.hpp            # cells, labels, datasets
  gradients/differentiable.hpp
  gradients/gradient_check.hpp
  io/npy.hpp
  kernels/mmd.hpp
  linear/pca.hpp
  linear/products.hpp       # use_single_threaded_blas
  metrics/batch_mixing_entropy.hpp
  metrics/mean_shift.hpp
  metrics/type_purity.hpp
  methods/differentiable_harmony/method.hpp methods/differentiable_harmony/tile_array.hpp
  methods/mmd_autoencoder/method.hpp
  methods/wgan_autoencoder/method.hpp
  neighbors/neighbors.hpp neighbors/ties.hpp
  networks/autoencoder.hpp networks/mlp.hpp)
foreach(header IN LISTS public_headers)
  file(READ ${PROJECT_SOURCE_DIR}/engine/${header} text)
  string(REGEX REPLACE "#include \"engine/([^\"]*)\"" "#include <bcbench/\\1>" text "${text}")
  set(installed ${PROJECT_BINARY_DIR}/include/bcbench/${header})
  file(CONFIGURE OUTPUT ${installed} CONTENT "@text@" @ONLY)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${installed} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bcbench/${folder} COMPONENT engine)
endforeach()

install(TARGETS bcbench_engine bcbench_armadillo EXPORT bcbench ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT engine)
install(EXPORT bcbench NAMESPACE bcbench:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bcbench COMPONENT engine)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bcbench-config.cmake.in ${PROJECT_BINARY_DIR}/bcbench-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bcbench)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bcbench-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bcbench-config.cmake ${PROJECT_BINARY_DIR}/bcbench-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bcbench COMPONENT engine)
