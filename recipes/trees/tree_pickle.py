"""Pickled Python data, opened without importing what it names: plain values, numpy arrays and pandas tables are
themselves, an object of any other class is what it was given and what it held."""

import datetime
import math
import pickle

PLAIN = {
    "builtins": {
        "set",
        "frozenset",
        "complex",
        "bytearray",
        "range",
        "slice",
        "int",
        "float",
        "str",
        "bytes",
        "list",
        "dict",
        "tuple",
        "bool",
        "object",
    },
    "collections": {"OrderedDict", "defaultdict", "Counter", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "uuid": {"UUID", "SafeUUID"},
    "zoneinfo": {"ZoneInfo"},
    "_codecs": {"encode"},
    "pytz": {"_UTC", "_p"},
    "numpy": {"ndarray", "dtype"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.numeric": {"_frombuffer"},
    "pyarrow.lib": {
        "chunked_array",
        "py_buffer",
        "_restore_array",
        "type_for_alias",
        "string",
        "large_string",
        "int64",
        "float64",
        "bool_",
        "ChunkedArray",
        "_reconstruct_table",
    },
    "pandas": {
        "DataFrame",
        "Series",
        "Index",
        "RangeIndex",
        "MultiIndex",
        "DatetimeIndex",
        "TimedeltaIndex",
        "PeriodIndex",
        "CategoricalIndex",
        "IntervalIndex",
        "Categorical",
        "CategoricalDtype",
        "StringDtype",
        "DatetimeTZDtype",
        "PeriodDtype",
        "IntervalDtype",
        "Int8Dtype",
        "Int16Dtype",
        "Int32Dtype",
        "Int64Dtype",
        "UInt8Dtype",
        "UInt16Dtype",
        "UInt32Dtype",
        "UInt64Dtype",
        "Float32Dtype",
        "Float64Dtype",
        "BooleanDtype",
        "ArrowDtype",
        "Timestamp",
        "Timedelta",
        "Period",
        "Interval",
        "NaT",
        "NA",
    },
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas._libs.tslibs.timestamps": {"_unpickle_timestamp"},
    "pandas._libs.tslibs.timedeltas": {"_timedelta_unpickle"},
    "pandas._libs.tslibs.nattype": {"_nat_unpickle"},
    "pandas._libs.tslibs.offsets": None,
    "pandas._libs.tslibs.period": {"_unpickle_period", "__pyx_unpickle__Period"},
    "pandas._libs.missing": {"NAType", "NA", "_unpickle_na"},
    "pandas.core.internals.blocks": {"new_block"},
    "pandas.core.indexes.base": {"_new_Index", "Index"},
    "pandas.core.indexes.datetimes": {"_new_DatetimeIndex", "DatetimeIndex"},
}
# Classes of pandas hold data and do nothing when they are made; its functions are allowed by name only.
PANDAS_CLASSES = (
    "pandas.core.frame",
    "pandas.core.series",
    "pandas.core.internals.",
    "pandas.core.indexes.",
    "pandas.core.arrays.",
    "pandas.core.dtypes.dtypes",
    "pandas._libs.tslibs.",
    "pandas.core.flags",
    "pandas.arrays",
)


class Foreign:
    """Stands for an object of a class that is not imported: its arguments and its state."""

    recast_name = ""

    def __new__(cls, *args, **kwargs):
        made = object.__new__(cls)
        made.__dict__.update(kwargs)
        if args:
            made.__dict__["arguments"] = list(args)
        return made

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        parts = state if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict) else (state,)
        for part in parts:
            self.__dict__.update(part if isinstance(part, dict) else {"state": part} if part is not None else {})

    def append(self, value):
        self.__dict__.setdefault("items", []).append(value)

    def extend(self, values):
        self.__dict__.setdefault("items", []).extend(values)

    def __setitem__(self, key, value):
        self.__dict__.setdefault("items", {})[key] = value


class PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        allowed = PLAIN.get(module, ())
        if allowed is None or name in allowed:
            return super().find_class(module, name)
        if module == "copyreg" and name == "_reconstructor":
            return reconstructed
        if module == "functools" and name == "partial":
            return self.foreign(module, name)
        if (
            module.startswith("numpy.dtypes")
            or module.startswith(PANDAS_CLASSES)
            or (module == "numpy" and name[-1:].isdigit())
        ):
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        return self.foreign(module, name)

    def persistent_load(self, pid):
        return pid if isinstance(pid, str) else repr(pid)[:200]

    def foreign(self, module, name):
        warn(f"{module}.{name} is not imported: its objects are written as what they hold")
        return type(name.rpartition(".")[2], (Foreign,), {"recast_name": f"{module}.{name}"})


def reconstructed(cls, base, state):
    made = cls.__new__(cls)
    if state is not None and isinstance(made, Foreign):
        made.__setstate__(state)
    return made


def read_pickle():
    with SOURCE.open("rb") as file:
        try:
            value = PlainUnpickler(file).load()
        except (
            pickle.UnpicklingError,
            EOFError,
            AttributeError,
            ImportError,
            IndexError,
            KeyError,
            TypeError,
            ValueError,
            UnicodeDecodeError,
            OverflowError,
        ) as error:
            refuse("damaged", f"the pickle cannot be opened: {type(error).__name__}: {error}")
        except MemoryError:
            refuse("damaged", "the pickle announces more than a container can hold")
        except RecursionError:
            refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
        if file.read(1):
            warn("only the first object of the file is read")
    return value


def plain_data(value, seen=()):
    """A Python value in the words of JSON."""
    if value is None or isinstance(value, (str, bool)) and type(value) in (str, bool):
        return value
    if isinstance(value, int) and type(value) is int or isinstance(value, float) and type(value) is float:
        return value
    if id(value) in seen or len(seen) > MAX_DEPTH:
        refuse(
            "too_large" if id(value) not in seen else "unsupported", "an object contains itself, or is nested too deep"
        )
    within = (*seen, id(value))
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(plain_data(key, within)): plain_data(one, within)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset, range)) or type(value).__name__ == "deque":
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [plain_data(one, within) for one in ordered]
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            import base64

            warn("binary values are written as base64")
            return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return None if str(value) == "NaT" else value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Foreign):
        return {
            "class": value.recast_name,
            **{str(key): plain_data(one, within) for key, one in value.__dict__.items()},
        }
    return data_of_arrays(value, within)


def data_of_arrays(value, within):
    """numpy and pandas, told by their names so that neither is imported for a pickle without them."""
    kind, library = type(value).__name__, type(value).__module__.split(".")[0]
    if library == "pandas" and kind == "DataFrame":
        return plain_data(tabular(value).to_dict("records"), within)
    if library == "pandas" and kind == "Series":
        return plain_data(value.to_dict() if not is_counted(value.index) else value.tolist(), within)
    if library in ("numpy", "pandas") and hasattr(value, "tolist"):
        if kind == "ndarray" and value.dtype.names:
            return [
                dict(zip(value.dtype.names, row, strict=True)) for row in plain_data(value.ravel().tolist(), within)
            ]
        return plain_data(value.tolist(), within)
    if str(value) in ("<NA>", "NaT"):
        return None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if isinstance(value, int) else str(value)


def is_counted(index):
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def tabular(frame):
    """A DataFrame with its index as columns, where it says something, and names that are text."""
    if not is_counted(frame.index) or frame.index.name is not None:
        frame = frame.reset_index()
    frame = frame.copy(deep=False)
    frame.columns = [
        " ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name) for name in frame.columns
    ]
    return frame
