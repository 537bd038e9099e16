#include "experiments/h5ad/worker/columns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "engine/core/names.hpp"
#include "engine/io/csv.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench::h5ad {

namespace {

// ---- one array as a column ----

Column column_of(const Stored& array) {
    Column column;
    switch (array.element().kind) {
        case Element::Kind::integer:
            column.kind = Column::Kind::integer;
            column.integers = array.integers();
            return column;
        case Element::Kind::boolean:
            column.kind = Column::Kind::boolean;
            column.integers = array.integers();
            return column;
        case Element::Kind::real:
            column.kind = Column::Kind::number;
            column.numbers = array.numbers();
            return column;
        case Element::Kind::fixed_text:
        case Element::Kind::variable_text:
            column.kind = Column::Kind::text;
            column.texts = array.texts();
            return column;
        default:
            fail(array.path(), "holds " + array.element().name + ", expected numbers or texts");
    }
}

// Texts for each value: the names of categories, and of cells.
std::vector<std::string> as_texts(const Column& column, const std::string& path) {
    if (column.kind == Column::Kind::text) return column.texts;
    const CodedLabels labels = labels_of(column, path);
    std::vector<std::string> texts;
    for (const std::int32_t code : labels.codes) {
        texts.push_back(code < 0 ? "" : labels.names[static_cast<std::size_t>(code)]);
    }
    return texts;
}

void require_codes(const std::vector<std::int64_t>& codes, std::size_t n_categories, const std::string& path) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] >= -1 && codes[i] < static_cast<std::int64_t>(n_categories)) continue;
        fail(path, "row " + std::to_string(i) + " has the code " + std::to_string(codes[i]) + ", but there are " +
                       std::to_string(n_categories) + " categories; the file is damaged");
    }
}

Column categorical(std::vector<std::int64_t> codes, const Column& categories, const std::string& path,
                   const std::string& categories_path) {
    Column column;
    column.kind = Column::Kind::categorical;
    // a number as a category need not be whole
    if (categories.kind == Column::Kind::number) {
        for (const double number : categories.numbers) {
            if (!std::isfinite(number)) fail(categories_path, "holds a category that is not finite");
            column.texts.push_back(number_text(number));
        }
    } else {
        column.texts = as_texts(categories, categories_path);
    }
    require_codes(codes, column.texts.size(), path);
    column.integers = std::move(codes);
    return column;
}

Column read_column(const File& file, const std::string& path, std::uint64_t n_rows);

// "values" and "mask": true where a value is missing.
Column nullable(const File& file, const std::string& path, std::uint64_t n_rows) {
    const Stored values(file, path + "/values"), mask(file, path + "/mask");
    values.require_vector(n_rows);
    mask.require_vector(n_rows);
    if (mask.element().kind != Element::Kind::boolean)
        fail(mask.path(), "holds " + mask.element().name + ", expected booleans");
    Column column = column_of(values);
    for (const std::int64_t missing : mask.integers()) column.missing.push_back(missing != 0);
    return column;
}

std::uint64_t length_of(const File& file, const std::string& path) {
    if (kind_of(file, path) == ObjectKind::group) return Stored(file, path + "/values").n_rows();
    return Stored(file, path).n_rows();
}

Column categories_at(const File& file, const std::string& path) {
    return read_column(file, path, length_of(file, path));
}

Column read_group(const File& file, const std::string& path, std::uint64_t n_rows) {
    const std::string encoding = encoding_of(file, path);
    if (encoding == "categorical") {
        const Stored codes(file, path + "/codes");
        codes.require_vector(n_rows);
        const std::string categories = path + "/categories";
        if (kind_of(file, categories) == ObjectKind::group && encoding_of(file, categories) == "categorical") {
            fail(categories, "is categorical itself; the file is damaged");
        }
        return categorical(codes.integers(), categories_at(file, categories), codes.path(), categories);
    }
    if (encoding.starts_with("nullable-")) return nullable(file, path, n_rows);
    fail(path,
         "has the encoding " +
             (encoding.empty() ? std::string("of a group without a name") : shown(std::string_view(encoding))) +
             ", which is not supported; convert the column with pandas before writing: adata.obs[...].astype(str)");
}

// Before AnnData 0.8 a categorical was its codes, and its categories lay in __categories beside it.
Column read_column(const File& file, const std::string& path, std::uint64_t n_rows) {
    if (kind_of(file, path) == ObjectKind::group) return read_group(file, path, n_rows);
    const Stored array(file, path);
    array.require_vector(n_rows);
    const std::size_t slash = path.rfind('/');
    const std::string categories = path.substr(0, slash) + "/__categories" + path.substr(slash);
    const bool coded =
        array.element().kind == Element::Kind::integer && H5Aexists(open_object(file, path).get(), "categories") > 0;
    if (!coded) return column_of(array);
    if (kind_of(file, categories) == ObjectKind::absent)
        fail(path, "its categories, " + categories + ", are not in the file");
    return categorical(array.integers(), categories_at(file, categories), path, categories);
}

Column column_of_member(const Stored& table, const Member& member, const std::string& path) {
    const Element& element = member.element;
    if (member.count != 1 || !(element.is_number() || element.kind == Element::Kind::fixed_text)) {
        fail(path,
             "holds " + (member.count != 1 ? std::string("arrays") : element.name) + ", expected numbers or texts");
    }
    Column column;
    const auto n = static_cast<std::size_t>(table.n_rows());
    if (element.kind == Element::Kind::real) {
        column.kind = Column::Kind::number;
        column.numbers.resize(n);
    } else if (element.is_number()) {
        column.kind = element.kind == Element::Kind::boolean ? Column::Kind::boolean : Column::Kind::integer;
        column.integers.resize(n);
    } else {
        column.texts.resize(n);
    }
    table.read([&](const Piece& piece) {
        const std::byte* from = piece.bytes + member.offset;
        if (element.kind == Element::Kind::real) {
            decode(element, from, piece.n_rows, piece.row_stride, column.numbers.data() + piece.first_row, path);
        } else if (element.is_number()) {
            decode(element, from, piece.n_rows, piece.row_stride, column.integers.data() + piece.first_row, path);
        } else {
            for (std::uint64_t i = 0; i < piece.n_rows; ++i) {
                column.texts[piece.first_row + i] = fixed_text(from + i * piece.row_stride, element.size, path);
            }
        }
    });
    return column;
}

std::string text_of(const Column& column, std::size_t i, const std::string& path) {
    if (column.kind == Column::Kind::text) return column.texts[i];
    if (column.kind == Column::Kind::boolean) return column.integers[i] != 0 ? "True" : "False";
    if (column.kind == Column::Kind::integer) return std::to_string(column.integers[i]);
    const double number = column.numbers[i];
    if (!std::isfinite(number) || number != std::trunc(number) || std::abs(number) > 9007199254740992.0) {
        fail(path, "holds the number " + (std::isfinite(number) ? number_text(number) : std::string("inf")) +
                       " at row " + std::to_string(i) + "; labels are texts, categories, booleans or whole numbers");
    }
    return std::to_string(static_cast<std::int64_t>(number));
}

}  // namespace

std::size_t Column::size() const {
    return kind == Kind::text ? texts.size() : kind == Kind::number ? numbers.size() : integers.size();
}

bool Column::is_missing(std::size_t i) const {
    if (!missing.empty() && missing[i]) return true;
    return (kind == Kind::categorical && integers[i] < 0) || (kind == Kind::number && std::isnan(numbers[i]));
}

const char* kind_name(Column::Kind kind) {
    constexpr const char* names[] = {"categorical", "text", "boolean", "integer", "number"};
    return names[static_cast<int>(kind)];
}

CodedLabels labels_of(const Column& column, const std::string& path) {
    CodedLabels labels;
    labels.codes.reserve(column.size());
    if (column.kind == Column::Kind::categorical) {
        labels.names = column.texts;
        for (const std::int64_t code : column.integers) labels.codes.push_back(static_cast<std::int32_t>(code));
        return labels;
    }
    std::unordered_map<std::string, std::int32_t> known;
    for (std::size_t i = 0; i < column.size(); ++i) {
        if (column.is_missing(i)) {
            labels.codes.push_back(-1);
            continue;
        }
        const auto [entry, is_new] =
            known.emplace(text_of(column, i, path), static_cast<std::int32_t>(labels.names.size()));
        if (is_new) labels.names.push_back(entry->first);
        labels.codes.push_back(entry->second);
    }
    return labels;
}

std::vector<double> numbers_of(const Column& column, const std::string& path) {
    if (column.kind == Column::Kind::text || column.kind == Column::Kind::categorical) {
        fail(path,
             std::string("is ") + (column.kind == Column::Kind::text ? "text" : "categorical") + ", expected numbers");
    }
    std::vector<double> values(column.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = column.is_missing(i)                  ? std::numeric_limits<double>::quiet_NaN()
                    : column.kind == Column::Kind::number ? column.numbers[i]
                                                          : static_cast<double>(column.integers[i]);
    }
    return values;
}

Table::Table(const File& file, const std::string& path) : file_(file), path_(path) {
    // "raw.var" until AnnData 0.6
    if (path == "raw/var" && kind_of(file, "raw") == ObjectKind::absent) path_ = "raw.var";
    const ObjectKind kind = kind_of(file, path_);
    if (kind == ObjectKind::absent) fail(path_, "is not in the file; expected an .h5ad file as anndata writes it");
    is_compound_ = kind == ObjectKind::dataset;
    find_columns();
    if (is_compound_) {
        n_rows_ = Stored(file_, path_).n_rows();
    } else {
        n_rows_ = length_of(file_, path_ + "/" + index_name_);
    }
    if (n_rows_ > std::numeric_limits<std::int32_t>::max()) {
        fail(path_, "has " + count_text(n_rows_) + " rows, more than can be read");
    }
}

void Table::find_columns() {
    if (is_compound_) {
        const Stored table(file_, path_);
        if (table.rank() != 1 || table.type().members.empty()) fail(path_, "is an array, expected a table");
        for (const Member& member : table.type().members) columns_.push_back(member.name);
        const auto index = std::find_if(columns_.begin(), columns_.end(),
                                        [](const std::string& name) { return name == "index" || name == "_index"; });
        if (index == columns_.end()) fail(path_, "has no column 'index' with the names of the rows");
        index_name_ = *index;
        columns_.erase(index);
        return;
    }
    const Handle group = open_object(file_, path_);
    index_name_ = text_attribute(group, "_index", path_).value_or("");
    const std::vector<std::string> members = members_of(file_, path_);
    const auto holds = [&](const std::string& name) {
        return std::binary_search(members.begin(), members.end(), name);
    };
    if (index_name_.empty()) index_name_ = holds("_index") ? "_index" : "index";
    if (kind_of(file_, path_ + "/" + index_name_) == ObjectKind::absent) {
        fail(path_, "has no column " + shown(std::string_view(index_name_)) + " with the names of the rows");
    }
    columns_ = texts_attribute(group, "column-order", path_);
    if (columns_.empty()) columns_ = members;
    std::erase_if(columns_, [&](const std::string& name) { return name == index_name_ || name == "__categories"; });
}

std::vector<std::string> Table::index() const {
    const std::string path = path_ + "/" + index_name_;
    const Column column = is_compound_ ? member_column(index_name_) : read_column(file_, path, n_rows_);
    return as_texts(column, path);
}

Column Table::column(const std::string& name) const {
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) {
        fail(path_, unknown_name("column", name, columns_));
    }
    if (is_compound_) return member_column(name);
    const std::string path = path_ + "/" + name;
    if (kind_of(file_, path) == ObjectKind::absent)
        fail(path, "is listed as a column, but is not in the file; it is damaged");
    return read_column(file_, path, n_rows_);
}

// Categories of such a table lie in uns, as NAME_categories.
Column Table::member_column(const std::string& name) const {
    const Stored table(file_, path_);
    const auto& members = table.type().members;
    const auto member = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == name; });
    const std::string path = path_ + "/" + name;
    Column column = column_of_member(table, *member, path);
    const std::string categories = "uns/" + name + "_categories";
    if (column.kind != Column::Kind::integer || path_ != "obs" || kind_of(file_, categories) != ObjectKind::dataset) {
        return column;
    }
    return categorical(std::move(column.integers), categories_at(file_, categories), path, categories);
}

std::string unknown_name(const std::string& kind, const std::string& name, const std::vector<std::string>& known) {
    constexpr std::size_t most_listed = 20;
    std::string text = "there is no " + kind + " " + shown(std::string_view(name));
    if (const auto nearest = nearest_name(name, known))
        text += " (did you mean " + shown(std::string_view(*nearest)) + "?)";
    if (known.empty()) return text + "; there is none";
    text += "; there are ";
    for (std::size_t i = 0; i < std::min(known.size(), most_listed); ++i) {
        text += (i ? ", " : "") + shown(std::string_view(known[i]));
    }
    return text + (known.size() > most_listed ? ", ..." : "");
}

}  // namespace bcbench::h5ad
