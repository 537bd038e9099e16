// Method `uncorrected`: the cells as they are.
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

namespace {

Differentiable identity(const arma::mat& cells) {
    return {{{"cells", cells}}, {{"corrected", [](const std::vector<arma::mat>& inputs) {
                                      return Linearization{inputs.front(), 0, [](const arma::mat& corrected_bar) {
                                                               return std::vector<arma::mat>{corrected_bar};
                                                           }};
                                  }}}};
}

template <class Real>
Fit<Real> fit(const MethodSettings&, const SharedData<Real>& data) {
    Fit<Real> fit;
    fit.corrected = data->cells;
    fit.backward = [](const Matrix<Real>& corrected_bar) { return corrected_bar; };
    fit.differentiable = [data] { return identity(in_double(data->cells)); };
    fit.reference = [data] { return ReferenceFit{in_double(data->cells), {}, {}}; };
    return fit;
}

}  // namespace

MethodDefinition uncorrected() {
    MethodDefinition method{"uncorrected", "the cells as they are: the baseline every method is compared with", ""};
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
