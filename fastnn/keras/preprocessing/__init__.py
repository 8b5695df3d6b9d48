"""``keras.preprocessing``: older names of what is in ``keras.utils``."""
from fastnn.keras.preprocessing import image, sequence
from fastnn.keras.utils.directories import image_dataset_from_directory, text_dataset_from_directory
from fastnn.keras.utils.series import timeseries_dataset_from_array
