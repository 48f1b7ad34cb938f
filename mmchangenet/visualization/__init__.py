"""Pictures of results: pairs, galleries of wrong calls, score plots."""

from .gallery_hook import GalleryHook
from .pair_picture import draw_pair
from .plots import plot_recall_false_alarm, plot_score_histogram
from .validation_pictures_hook import ValidationPicturesHook

__all__ = [
    'GalleryHook', 'ValidationPicturesHook', 'draw_pair', 'plot_recall_false_alarm', 'plot_score_histogram'
]
