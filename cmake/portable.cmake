# The program of an earlier build, linked anew for machines that have a C library and nothing else: scripts/package.sh.
add_executable(bcbench_portable experiments/main.cpp)
target_link_libraries(bcbench_portable PRIVATE bcbench_flags bcbench_experiments CLI11::CLI11)
target_include_directories(bcbench_portable PRIVATE ${PROJECT_SOURCE_DIR})
# What Debian has no archive of lies beside the program: as RPATH, which LD_LIBRARY_PATH does not outdo, full as that is
# on a cluster. A group up to the end of the line: archives need each other in any order.
target_link_options(bcbench_portable PRIVATE -static-libstdc++ -static-libgcc -Wl,--disable-new-dtags -Wl,--start-group)
set_target_properties(bcbench_portable PROPERTIES OUTPUT_NAME bcbench BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/lib")
