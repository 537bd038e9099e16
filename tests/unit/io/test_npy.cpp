#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "engine/core/check.hpp"
#include "engine/io/npy.hpp"
#include "tests/support/data_errors.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace bcbench;
using bcbench::testing::error_of;

namespace {

std::string npy_error(const std::string& bytes) {
    return error_of([&] { npy::decode(bytes, "x.npy"); });
}

std::string npz_error(const std::string& bytes) {
    return error_of([&] { npy::decode_npz(bytes, "x.npz"); });
}

// A .npy file as another program may write it: any header text, any bytes.
std::string npy_file(const std::string& header, const std::string& body, char major = 1) {
    return "\x93NUMPY" + std::string{major, '\0', static_cast<char>(header.size()), '\0'} + header + body;
}

template <class T>
std::string bytes_of_values(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Values with random bits; arrays are compared as bytes, so that NaN is one of them.
template <class T>
std::vector<T> random_values(std::size_t count, std::mt19937_64& bits) {
    std::vector<T> values(count);
    for (T& value : values) {
        const std::uint64_t word = bits();
        std::memcpy(&value, &word, sizeof value);
    }
    return values;
}

template <class T>
void check_round_trip(const npy::Array& array) {
    const npy::Array read = npy::decode(npy::encode(array), "x.npy");
    CHECK(read.shape == array.shape);
    REQUIRE(std::holds_alternative<std::vector<T>>(read.values));
    CHECK(bytes_of_values(std::get<std::vector<T>>(read.values)) ==
          bytes_of_values(std::get<std::vector<T>>(array.values)));
}

const npy::NamedArrays two_arrays = {
    {"bias", {{3}, std::vector<float>{1, 2, 3}}},
    {"kernel", {{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6}}},
};

}  // namespace

TEST_CASE("npy: the bytes are those NumPy 1.24 writes", "[npy]") {
    // numpy.save of numpy.array([[1, 2, 3], [4, 5, 6]], dtype='<f4')
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const std::string expected = "\x93NUMPY" + std::string("\x01\x00v\x00", 4) + header +
                                 std::string(118 - header.size() - 1, ' ') + "\n" +
                                 bytes_of_values<float>({1, 2, 3, 4, 5, 6});
    CHECK(npy::encode({{2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}}) == expected);
}

TEST_CASE("npy: a matrix [features x cells] is written as (cells, features)", "[npy]") {
    const Matrix<double> cells = {{1, 3, 5}, {2, 4, 6}};  // 2 features, 3 cells
    const npy::Array array = npy::from_matrix(cells);
    CHECK(array.shape == std::vector<std::size_t>{3, 2});
    CHECK(std::get<std::vector<double>>(array.values) == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("npy: arrays of every element type and shape survive a round trip bit by bit", "[npy]") {
    std::mt19937_64 bits(1);
    for (const std::size_t rows : {0u, 1u, 2u, 17u, 300u}) {
        check_round_trip<double>({{rows}, random_values<double>(rows, bits)});
        check_round_trip<std::int64_t>({{rows}, random_values<std::int64_t>(rows, bits)});
        for (const std::size_t columns : {0u, 1u, 5u, 64u}) {
            check_round_trip<float>({{rows, columns}, random_values<float>(rows * columns, bits)});
            check_round_trip<double>({{rows, columns}, random_values<double>(rows * columns, bits)});
            check_round_trip<std::int64_t>({{rows, columns}, random_values<std::int64_t>(rows * columns, bits)});
        }
    }
}

TEST_CASE("npy: Fortran order is transposed, keys may come in any order", "[npy]") {
    const std::string columns_first = bytes_of_values<double>({1, 4, 2, 5, 3, 6});
    const npy::Array array =
        npy::decode(npy_file("{\"shape\":(2,3),'fortran_order':True,'descr':'<f8'}", columns_first), "x.npy");
    CHECK(array == npy::Array{{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6}});
    const npy::Array one_dimension =
        npy::decode(npy_file("{'shape':(6,),'fortran_order':True,'descr':'<f8'}", columns_first), "x.npy");
    CHECK(one_dimension == npy::Array{{6}, std::vector<double>{1, 4, 2, 5, 3, 6}});
}

TEST_CASE("npy: arrays that cannot be written are refused", "[npy]") {
    CHECK_THROWS_AS(npy::encode({{}, std::vector<float>(1)}), std::invalid_argument);
    CHECK_THROWS_AS(npy::encode({{1, 1, 1}, std::vector<float>(1)}), std::invalid_argument);
    CHECK_THROWS_AS(npy::encode({{2, 3}, std::vector<float>(5)}), std::invalid_argument);
}

TEST_CASE("npy: wrong bytes are refused with a reason", "[npy]") {
    const std::string good = npy::encode({{2, 3}, std::vector<double>(6)});
    CHECK(npy_error("") == "x.npy: is no .npy file (its first bytes are not \\x93NUMPY)");
    CHECK(npy_error("PK" + good) == "x.npy: is no .npy file (its first bytes are not \\x93NUMPY)");
    CHECK(npy_error(good.substr(0, 8)) == "x.npy: the .npy header is truncated");
    CHECK(npy_error(good.substr(0, 60)) == "x.npy: the .npy header is truncated");
    CHECK(npy_error(good.substr(0, good.size() - 1)) == "x.npy: is truncated, the shape promises more values");
    CHECK(npy_error(good + "x") == "x.npy: has bytes after the last value");
    CHECK(npy_error(good + std::string(8, 'x')) == "x.npy: has bytes after the last value");
    CHECK(npy_error(npy_file("{}", "", 2)) == "x.npy: expected .npy format 1.0, found 2.0");
    const auto with_type = [](const std::string& type) {
        return npy_error(npy_file("{'descr': '" + type + "', 'fortran_order': False, 'shape': (1,), }", "12345678"));
    };
    CHECK(with_type("<i4") == "x.npy: expected float32, float64 or int64 (little-endian), found '<i4'");
    CHECK(with_type(">f8") == "x.npy: expected float32, float64 or int64 (little-endian), found '>f8'");
    CHECK(with_type("|O") == "x.npy: expected float32, float64 or int64 (little-endian), found '|O'");
    const auto with_shape = [](const std::string& shape) {
        return npy_error(npy_file("{'descr': '<f8', 'fortran_order': True, 'shape': (" + shape + ")}", "12345678"));
    };
    CHECK(with_shape("") == "x.npy: expected a 1-D or 2-D array, found 0-D");
    CHECK(with_shape("1,1,1") == "x.npy: expected a 1-D or 2-D array, found 3-D");
    CHECK(with_shape("2,") == "x.npy: is truncated, the shape promises more values");
    // 3 x 12297829382473034411 = 1 modulo 2^64, which is what the body holds.
    CHECK(with_shape("3, 12297829382473034411") == "x.npy: is truncated, the shape promises more values");
    CHECK(with_shape("0, 18446744073709551615") == "x.npy: has bytes after the last value");
    CHECK(with_shape("18446744073709551616,") ==
          "x.npy: the .npy header is malformed, the shape holds no number of elements");
    CHECK(with_shape("-1,") == "x.npy: the .npy header is malformed, the shape holds no number of elements");
}

TEST_CASE("npy: malformed headers are refused with a reason", "[npy]") {
    const auto error = [](const std::string& header) {
        const std::string message = npy_error(npy_file(header, ""));
        const std::string start = "x.npy: the .npy header ";
        REQUIRE(message.substr(0, start.size()) == start);
        return message.substr(start.size());
    };
    CHECK(error("") == "is malformed, expected '{'");
    CHECK(error("{'descr': '<f8'") == "is malformed, expected '}'");
    CHECK(error("{'descr': '<f8}") == "has an unclosed quote");
    CHECK(error("{'descr' '<f8'}") == "is malformed, expected ':'");
    CHECK(error("{'colour': 'red'}") == "has an unknown key");
    CHECK(error("{'fortran_order': maybe}") == "is malformed, fortran_order is neither True nor False");
    CHECK(error("{'shape': (1, 2}") == "is malformed, expected ')'");
    const std::string keys[] = {"'descr':'<f8',", "'fortran_order':False,", "'shape':(0,),"};
    for (int missing = 0; missing < 3; ++missing) {
        std::string without, twice;
        for (int i = 0; i < 3; ++i) {
            without += i == missing ? "" : keys[i];
            twice += i == missing ? keys[i] + keys[i] : keys[i];
        }
        CHECK(error("{" + without + "}") == "needs descr, fortran_order and shape, each once");
        CHECK(error("{" + twice + "}") == "needs descr, fortran_order and shape, each once");
    }
    CHECK(error("{'descr': '<f8'} + 1") == "has text after the closing brace");
}

TEST_CASE("npz: named arrays survive a round trip, and the bytes are the same each time", "[npy]") {
    const std::string bytes = npy::encode_npz(two_arrays);
    CHECK(npy::decode_npz(bytes, "x.npz") == two_arrays);
    CHECK(npy::encode_npz(npy::decode_npz(bytes, "x.npz")) == bytes);
    CHECK(npy::decode_npz(npy::encode_npz({}), "x.npz").empty());
    CHECK_THROWS_AS(npy::encode_npz({{"", {{1}, std::vector<float>(1)}}}), std::invalid_argument);
    CHECK_THROWS_AS(npy::encode_npz({{std::string(65536, 'n'), {{1}, std::vector<float>(1)}}}), std::invalid_argument);
}

TEST_CASE("npz: a comment behind the directory is accepted", "[npy]") {
    std::string bytes = npy::encode_npz(two_arrays);
    bytes[bytes.size() - 2] = 5;
    CHECK(npy::decode_npz(bytes + "hello", "x.npz") == two_arrays);
}

TEST_CASE("npz: no truncation and no damaged byte yields other arrays", "[npy]") {
    const std::string bytes = npy::encode_npz(two_arrays);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK_THROWS_AS(npy::decode_npz(bytes.substr(0, size), "x.npz"), DataError);
    }
    std::size_t refused = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        try {
            // What is left may differ in a name (zip has no checksum of the directory), never in a value.
            const npy::NamedArrays read = npy::decode_npz(damaged, "x.npz");
            REQUIRE(read.size() == 2);
            for (const auto& [name, array] : two_arrays) {
                CHECK((array == read.begin()->second || array == read.rbegin()->second));
            }
        } catch (const DataError&) {
            ++refused;
        }
    }
    CHECK(refused > bytes.size() / 2);
}

TEST_CASE("npz: wrong archives are refused with a reason", "[npy]") {
    const std::string good = npy::encode_npz({{"bias", {{1}, std::vector<double>{1}}}});
    const std::size_t entry = good.find("PK\x01\x02");
    const std::size_t end = good.find("PK\x05\x06");
    const auto changed = [&](std::size_t at, char value) {
        std::string bytes = good;
        bytes[at] = value;
        return npz_error(bytes);
    };
    CHECK(npz_error("") == "x.npz: is no .npz file (its first bytes are not PK)");
    CHECK(npz_error(npy::encode({{1}, std::vector<double>(1)})) ==
          "x.npz: is no .npz file (its first bytes are not PK)");
    CHECK(npz_error(good.substr(0, end)) == "x.npz: is truncated, the zip directory is missing");
    CHECK(changed(entry, 'Q') == "x.npz: has a corrupt zip directory");
    CHECK(changed(entry + 8, 1) == "x.npz: holds 'bias.npy' encrypted");
    CHECK(changed(entry + 10, 8) == "x.npz: holds 'bias.npy' compressed; save it with numpy.savez instead");
    CHECK(changed(entry + 16, 0) == "x.npz: holds 'bias.npy' damaged (its CRC-32 differs)");
    CHECK(changed(entry + 22, 1) == "x.npz: has two sizes for 'bias.npy'");
    std::string too_long = good;
    too_long[entry + 22] = too_long[entry + 26] = 1;  // both sizes, 65536 more
    CHECK(npz_error(too_long) == "x.npz: is truncated or corrupt");
    CHECK(changed(entry + 42, 1) == "x.npz: has no header for 'bias.npy' where it should be");
    CHECK(changed(entry + 44, 1) == "x.npz: is truncated or corrupt");
    CHECK(changed(good.rfind(".npy"), 'x') == "x.npz: holds 'biasxnpy', which is no .npy file");
    CHECK(changed(end + 10, 0) == "x.npz: has a directory that does not end where it should");

    // Two entries of the directory that name the same array, or lie on each other.
    const std::string two =
        npy::encode_npz({{"a", {{1}, std::vector<double>{1}}}, {"b", {{1}, std::vector<double>{1}}}});
    std::string same_name = two;
    same_name[same_name.rfind("b.npy")] = 'a';
    CHECK(npz_error(same_name) == "x.npz: holds two arrays called 'a'");
    // 100 entries for one member: 100 times its size would be allocated.
    const std::string directory = good.substr(entry, end - entry);
    std::string many = good.substr(0, entry);
    for (int i = 0; i < 100; ++i) many += directory;
    std::string last = good.substr(end);
    last[10] = 100;
    CHECK(npz_error(many + last) == "x.npz: has members that overlap");
}

TEST_CASE("npz: files are read", "[npy]") {
    const TemporaryDirectory directory;
    CHECK(npy::read_npz(directory.write("model.npz", npy::encode_npz(two_arrays))) == two_arrays);
    const std::string absent = directory.file("absent/model.npz");
    CHECK(error_of([&] { npy::read_npz(absent); }) == absent + ": cannot be read: No such file or directory");
    CHECK_THROWS_AS(npy::read_npz(directory.file("")), DataError);
}
