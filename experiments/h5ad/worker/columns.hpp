// obs and var: tables in every layout that AnnData has written. Used by the worker only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/h5ad/worker/hdf.hpp"
#include "experiments/h5ad/worker/stored.hpp"

namespace bcbench::h5ad {

/// One column of n values.
struct Column {
    enum class Kind { categorical, text, boolean, integer, number };
    Kind kind = Kind::text;
    std::vector<std::int64_t> integers;  // [n] of integers and booleans; of a categorical the codes, -1 if missing
    std::vector<std::string> texts;      // [n] of texts; of a categorical its categories
    std::vector<double> numbers;         // [n]
    std::vector<bool> missing;           // [n], or empty if none is

    std::size_t size() const;
    bool is_missing(std::size_t i) const;
};

const char* kind_name(Column::Kind kind);

/// Codes into names, -1 where the label is missing: a categorical as it is, otherwise names in order of appearance.
struct CodedLabels {
    std::vector<std::int32_t> codes;
    std::vector<std::string> names;
};

/// Throws FileFault for numbers that are not whole: they are no labels.
CodedLabels labels_of(const Column& column, const std::string& path);

/// Integers, booleans and numbers as numbers, NaN where missing. Throws FileFault for texts and categories.
std::vector<double> numbers_of(const Column& column, const std::string& path);

class Table {
  public:
    /// `path` is "obs", "var" or "raw/var"; in old files raw.var.
    Table(const File& file, const std::string& path);

    std::size_t n_rows() const { return n_rows_; }
    bool is_compound() const { return is_compound_; }
    /// Names of the columns, without that of the index, in the order the file gives.
    const std::vector<std::string>& columns() const { return columns_; }
    std::vector<std::string> index() const;

    /// Throws FileFault if there is none (naming the nearest), or it has another length, or an encoding that is not
    /// supported.
    Column column(const std::string& name) const;

  private:
    void find_columns();
    Column member_column(const std::string& name) const;

    const File& file_;
    std::string path_;
    bool is_compound_ = false;
    std::string index_name_;
    std::vector<std::string> columns_;
    std::size_t n_rows_ = 0;
};

/// "there is no column 'donr' (did you mean 'donor'?); the columns are ..."
std::string unknown_name(const std::string& kind, const std::string& name, const std::vector<std::string>& known);

}  // namespace bcbench::h5ad
