# The libraries and the program of an earlier build, for a wheel in a minute instead of ten.
add_library(bcbench_engine STATIC IMPORTED)
set_target_properties(bcbench_engine PROPERTIES IMPORTED_LOCATION ${BCBENCH_PREBUILT}/libbcbench_engine.a)
target_link_libraries(bcbench_engine INTERFACE bcbench_armadillo Threads::Threads hwy::hwy ZLIB::ZLIB)
add_library(bcbench_experiments STATIC IMPORTED)
set_target_properties(bcbench_experiments PROPERTIES IMPORTED_LOCATION ${BCBENCH_PREBUILT}/libbcbench_experiments.a)
target_link_libraries(bcbench_experiments INTERFACE bcbench_engine nlohmann_json::nlohmann_json bcbench_hdf5 bcbench_nettle)
add_executable(bcbench IMPORTED)
set_target_properties(bcbench PROPERTIES IMPORTED_LOCATION ${BCBENCH_PREBUILT}/bcbench)
