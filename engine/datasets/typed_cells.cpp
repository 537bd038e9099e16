#include "engine/datasets/typed_cells.hpp"

#include "engine/core/check.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/io/csv.hpp"

namespace bcbench {

void drop_unlabelled(Dataset<double>& data, SparseCells<double>* sparse, std::vector<std::string>* notes) {
    const std::size_t n_dropped = count_unlabelled(data.type);
    if (n_dropped == 0) return;
    const std::size_t n_cells = data.type.code.size();
    Annotations about = data.about ? *data.about : Annotations();
    const std::string column = "column " + shown(about.type_column) + ": ";
    if (n_dropped == n_cells) throw DataError(column + "no cell has a type");
    const std::vector<std::uint32_t> labelled = labelled_cells(data.type);
    const std::vector<std::size_t> places(labelled.begin(), labelled.end());
    if (sparse != nullptr) *sparse = selected(*sparse, places);
    data.cells = data.cells.n_rows == 0 ? Matrix<double>(0, places.size())
                                        : Matrix<double>(data.cells.cols(arma::conv_to<arma::uvec>::from(places)));
    data.batch = labels_at(data.batch, places);
    data.type = labels_at(data.type, places);
    for (LabelColumn& each : about.columns) each.labels = labels_at(each.labels, places);
    if (!about.cell_names.empty()) {
        for (std::size_t i = 0; i < places.size(); ++i) about.cell_names[i] = std::move(about.cell_names[places[i]]);
        about.cell_names.resize(places.size());
    }
    data.about = std::make_shared<const Annotations>(std::move(about));
    if (notes == nullptr) return;
    notes->push_back(column + std::to_string(n_dropped) + " of " + std::to_string(n_cells) +
                     " cells have no type and were left out");
}

}  // namespace bcbench
