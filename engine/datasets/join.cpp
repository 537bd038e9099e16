#include "engine/datasets/join.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "engine/core/check.hpp"

namespace bcbench {

namespace {

using Places = std::unordered_map<std::string, std::size_t>;

std::size_t features_of(const JoinPart& part) { return part.sparse ? part.sparse->n_features : part.data.cells.n_rows; }

Places places_of(const JoinPart& part) {
    Places places;
    const std::vector<std::string>& names = part.data.about->feature_names;
    for (std::size_t f = 0; f < names.size(); ++f) {
        if (!places.emplace(names[f], f).second)
            throw DataError(part.name + ": the feature '" + names[f] + "' is there twice; files are joined on names");
    }
    return places;
}

// The names that all parts have.
std::vector<std::string> common_names(const std::vector<JoinPart>& parts, const std::vector<Places>& places) {
    std::vector<std::string> names;
    for (const std::string& name : parts.front().data.about->feature_names) {
        if (std::all_of(places.begin(), places.end(), [&](const Places& each) { return each.count(name) > 0; }))
            names.push_back(name);
    }
    if (names.empty()) {
        throw DataError(
            parts.front().name + " and " + parts[1].name +
            " have no feature in common with all others; are the names of one kind (symbols, Ensembl ids)?");
    }
    return names;
}

// Where each feature of a part goes; none: nowhere.
using Target = std::vector<std::optional<std::uint32_t>>;

SparseCells<double> moved(const SparseCells<double>& cells, const Target& target, std::size_t n_features) {
    SparseCells<double> result;
    result.n_features = n_features;
    std::vector<std::pair<std::uint32_t, double>> entries;
    for (std::size_t i = 0; i < cells.n_cells(); ++i) {
        entries.clear();
        for (std::uint64_t j = cells.start[i]; j < cells.start[i + 1]; ++j) {
            if (const auto place = target[cells.feature[j]]) entries.emplace_back(*place, cells.value[j]);
        }
        std::sort(entries.begin(), entries.end());
        for (const auto& [feature, value] : entries) {
            result.feature.push_back(feature);
            result.value.push_back(value);
        }
        result.start.push_back(result.value.size());
    }
    return result;
}

Matrix<double> moved(const Matrix<double>& cells, const Target& target, std::size_t n_features) {
    Matrix<double> result(n_features, cells.n_cols, arma::fill::zeros);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        for (std::size_t f = 0; f < target.size(); ++f) {
            if (target[f]) result(*target[f], i) = cells(f, i);
        }
    }
    return result;
}

void keep_common(std::vector<JoinPart>& parts, std::vector<std::string>& names) {
    const bool named = std::all_of(parts.begin(), parts.end(),
                                   [](const JoinPart& part) { return !part.data.about->feature_names.empty(); });
    if (!named) {
        for (const JoinPart& part : parts) {
            if (features_of(part) == features_of(parts.front())) continue;
            throw DataError(part.name + " has " + std::to_string(features_of(part)) + " features and " +
                            parts.front().name + " " + std::to_string(features_of(parts.front())) +
                            ", without names to join them on");
        }
        return;
    }
    std::vector<Places> places;
    for (const JoinPart& part : parts) places.push_back(places_of(part));
    names = common_names(parts, places);
    for (std::size_t p = 0; p < parts.size(); ++p) {
        Target target(features_of(parts[p]));
        for (std::size_t f = 0; f < names.size(); ++f) target[places[p].at(names[f])] = static_cast<std::uint32_t>(f);
        if (parts[p].sparse)
            parts[p].sparse = moved(*parts[p].sparse, target, names.size());
        else
            parts[p].data.cells = moved(parts[p].data.cells, target, names.size());
    }
}

void append(Labels& all, const Labels& part) {
    std::map<std::string, std::uint32_t> numbers;
    for (std::size_t i = 0; i < all.names.size(); ++i) numbers[all.names[i]] = static_cast<std::uint32_t>(i);
    std::vector<std::uint32_t> number;
    for (const std::string& name : part.names) {
        const auto [place, fresh] = numbers.emplace(name, static_cast<std::uint32_t>(all.names.size()));
        if (fresh) all.names.push_back(name);
        number.push_back(place->second);
    }
    for (const std::uint32_t code : part.code) all.code.push_back(number[code]);
}

void append(SparseCells<double>& all, const SparseCells<double>& part) {
    const std::uint64_t before = all.start.back();
    all.n_features = part.n_features;
    all.feature.insert(all.feature.end(), part.feature.begin(), part.feature.end());
    all.value.insert(all.value.end(), part.value.begin(), part.value.end());
    for (std::size_t i = 1; i < part.start.size(); ++i) all.start.push_back(before + part.start[i]);
}

}  // namespace

Joined join_parts(std::vector<JoinPart> parts) {
    require(parts.size() >= 2, "two or more files are joined");
    auto about = std::make_shared<Annotations>();
    keep_common(parts, about->feature_names);
    const Annotations& first = *parts.front().data.about;
    about->batch_column = first.batch_column;
    about->type_column = first.type_column;
    for (const LabelColumn& column : first.columns) about->columns.push_back({column.name, {}});
    const bool sparse =
        std::all_of(parts.begin(), parts.end(), [](const JoinPart& part) { return part.sparse.has_value(); });
    Joined joined;
    if (sparse) joined.sparse.emplace();
    for (JoinPart& part : parts) {
        Dataset<double>& data = part.data;
        for (std::size_t i = 0; i < data.about->cell_names.size(); ++i)
            about->cell_names.push_back(data.about->cell_names[i] + "-" + data.batch.names[data.batch.code[i]]);
        append(joined.data.batch, data.batch);
        append(joined.data.type, data.type);
        for (std::size_t c = 0; c < about->columns.size(); ++c)
            append(about->columns[c].labels, data.about->columns[c].labels);
        if (sparse)
            append(*joined.sparse, *part.sparse);
        else
            joined.data.cells = arma::join_rows(joined.data.cells, part.sparse ? to_dense(*part.sparse) : data.cells);
        part.sparse.reset();
        data.cells.reset();
    }
    if (about->cell_names.size() != joined.data.batch.code.size()) about->cell_names.clear();
    joined.data.about = std::move(about);
    return joined;
}

}  // namespace bcbench
