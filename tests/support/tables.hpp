// A small table, and the faults it is made to have.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "engine/datasets/table.hpp"
#include "tests/support/data_errors.hpp"

namespace bcbench::testing {

inline const std::string small_cells = "PC1,PC2\n1,2\n3,4\n";
inline const std::string small_metadata = "cell,donor,kind\na,D2,T\nb,D1,B\n";

inline table::Options options_of_texts() {
    table::Options options;
    options.cells = "cells.csv";
    options.metadata = "meta.csv";
    options.batch_column = "donor";
    return options;
}

inline const Matrix<double> expected_cells = {{1.0, 3.0}, {2.0, 4.0}};  // [F x n]

inline void require_expected(const Dataset<double>& data) {
    REQUIRE(data.cells.n_rows == 2);
    REQUIRE(data.cells.n_cols == 2);
    CHECK(arma::approx_equal(data.cells, expected_cells, "absdiff", 0.0));
}

}  // namespace bcbench::testing
