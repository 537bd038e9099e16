#include "experiments/run/dataset_cache.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/datasets/label_notes.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/run/limits.hpp"
#include "experiments/system/allocation.hpp"
#include "experiments/system/clock.hpp"

namespace bcbench {

namespace {

// The dataset in float32. The doubles are given back while they are read: the two are never held together.
Dataset<float> in_single(Dataset<double> data) {
    Matrix<float> cells(data.cells.n_rows, data.cells.n_cols, arma::fill::none);
    constexpr arma::uword at_once = arma::uword{1} << 17;
    for (arma::uword first = 0; first < cells.n_elem; first += at_once) {
        const arma::uword end = std::min(first + at_once, cells.n_elem);
        double* from = data.cells.memptr();
        std::transform(from + first, from + end, cells.memptr() + first,
                       [](double x) { return static_cast<float>(x); });
        release_pages(from + first, from + end);
    }
    data.cells.reset();
    require_finite(cells, "the dataset, in the precision of the run,");
    return {std::move(cells), std::move(data.batch), std::move(data.type), std::move(data.about)};
}

}  // namespace

std::shared_ptr<const LoadedDataset> DatasetCache::load(const Point& point) {
    const std::lock_guard lock(mutex_);
    if (loaded_ && id_ == point.dataset_id) return loaded_;
    auto loaded = std::make_shared<LoadedDataset>();
    const double start = seconds_now();
    try {
        const DatasetSettings settings{point.dataset_params, point.dataset_seed, config_.file.parent_path()};
        DatasetSource source = load_source(point.dataset_type, settings);
        loaded->load_seconds = seconds_now() - start;
        loaded->joined = std::move(source.facts);
        std::vector<std::string> notes = std::move(source.notes);
        Dataset<double> data = prepared(std::move(source), settings, loaded->preprocess);
        if (!loaded->preprocess.empty()) loaded->preprocess_seconds = seconds_now() - start - loaded->load_seconds;
        loaded->notes = notes_on_labels(data);
        loaded->notes.insert(loaded->notes.end(), notes.begin(), notes.end());
        loaded->hash = data_hash(data);
        if (config_.precision == "float32") {
            loaded->data = std::make_shared<const Dataset<float>>(in_single(std::move(data)));
        } else {
            loaded->data = std::make_shared<const Dataset<double>>(std::move(data));
        }
    } catch (const std::bad_alloc&) {
        loaded->error = "out of memory while loading the dataset";
        return loaded;  // the next point may find more: nothing is kept
    } catch (const LimitError& error) {
        loaded->error = error.what();
        return loaded;
    } catch (const std::exception& error) {
        loaded->error = error.what();
    }
    if (loaded->preprocess.empty()) loaded->load_seconds = seconds_now() - start;
    id_ = point.dataset_id;
    loaded_ = std::move(loaded);
    return loaded_;
}

}  // namespace bcbench
